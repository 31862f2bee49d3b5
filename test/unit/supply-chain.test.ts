import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface LockedPackage {
  readonly version: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: true;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly engines?: { readonly node?: string };
  readonly hasInstallScript?: true;
  readonly inBundle?: true;
  readonly link?: true;
}

const read = <Content>(file: string): Content => JSON.parse(readFileSync(file, 'utf8')) as Content;
const { packages } = read<{ packages: Record<string, LockedPackage> }>('package-lock.json');
/** What is fetched: the project's own packages, and links to them, are not. */
const locked = Object.entries(packages).flatMap(([path, entry]) =>
  !path.includes('node_modules/') || entry.link
    ? []
    : [{ ...entry, name: path.replace(/^.*node_modules\//, '') }],
);
const { allowScripts, dependencies, devDependencies, optionalDependencies } = read<{
  allowScripts: Record<string, boolean>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
}>('package.json');

/** Licences that ask for no more than their own text beside the code: `src/web/licenses.ts` puts it there. */
const permissive = [
  'MIT',
  'ISC',
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'Zlib',
];
/** Of tools that only tests and builds run. */
const ofTools: Readonly<Record<string, RegExp>> = {
  'MPL-2.0': /^(?:axe-core|@axe-core\/playwright|lightningcss.*)$/,
  'AGPL-3.0-or-later': /^@cloud-copilot\//, // judges the stack's policies in a test
};

/** Whether a licence's terms can be met by permissive ones alone. */
const isPermissive = (license: string): boolean => {
  const expression = license.replace(/[()]/g, '');
  const alternatives = expression.split(' OR ').map((part) => part.split(' AND '));
  return alternatives.some((parts) => parts.every((part) => permissive.includes(part)));
};

test('what is run or shipped is under permissive licences, and tools under known ones', () => {
  expect(locked.length).toBeGreaterThan(300);
  const strays = locked.filter(({ name, license = 'none', dev }) => {
    if (isPermissive(license)) return false;
    if (license === 'OFL-1.1' && name.startsWith('@fontsource')) return false; // a font, shipped with that text
    return !(dev && ofTools[license]?.test(name));
  });
  expect(strays.map(({ name, license }) => `${name}: ${license}`)).toEqual([]);
});

test('install scripts run of no package but those that need them', () => {
  const withScript = new Set(
    locked.flatMap(({ name, hasInstallScript }) => (hasInstallScript ? [name] : [])),
  );
  expect(Object.keys(allowScripts).sort()).toEqual([...withScript].sort());
  // The package `node` fetches the version that the project runs on; its script is what puts it there.
  expect(Object.keys(allowScripts).filter((name) => allowScripts[name])).toEqual(['node']);
});

test('every package is pinned: by version where it is named, by digest in the lock, from the one registry', () => {
  const named = { ...dependencies, ...devDependencies, ...optionalDependencies };
  expect(Object.entries(named).filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))).toEqual(
    [],
  );
  const loose = locked.filter(
    ({ integrity, resolved, inBundle }) =>
      !inBundle && // part of the package around it, and of its digest
      (!integrity?.startsWith('sha512-') ||
        // Absent: from whichever registry npm is set to, where the digest decides.
        (resolved !== undefined && !resolved.startsWith('https://registry.npmjs.org/'))),
  );
  expect(loose.map(({ name }) => name)).toEqual([]);
});

test('`npm run sbom` prints a bill of materials in CycloneDX that names every package', () => {
  const bill = JSON.parse(
    execFileSync('npm', ['run', '-s', 'sbom'], { encoding: 'utf8', maxBuffer: 1 << 26 }),
  ) as { bomFormat: string; components: { name: string; group?: string; version: string }[] };
  expect(bill.bomFormat).toBe('CycloneDX');
  const names = new Set(bill.components.map(({ name, version }) => `${name}@${version}`));
  for (const [name, version] of Object.entries(dependencies)) expect(names).toContain(`${name}@${version}`);
});

/** Whether a range of versions, as `20 || >=22`, `^12.0.0` or `>=16.9.0`, has this one. */
const includes = (range: string, version: readonly [number, number]): boolean =>
  range.split('||').some((part) => {
    const [, sign, major = '0', minor = '0'] = /^\s*(>=|\^)?\s*(\d+)(?:\.(\d+))?/.exec(part) ?? [];
    const [own, ownMinor] = version;
    if (sign === '>=') return own > Number(major) || (own === Number(major) && ownMinor >= Number(minor));
    return own === Number(major) && ownMinor >= Number(minor);
  });

test('whoever installs the package in the oldest Node that it names is warned of none that it brings', () => {
  const { engines } = read<{ engines: { node: string } }>('package.json');
  expect(engines.node).toBe('>=20.16');
  const brought = new Set<string>();
  const add = (names: readonly string[]): void => {
    for (const name of names.filter((one) => !brought.has(one))) {
      brought.add(name);
      add(Object.keys(packages[`node_modules/${name}`]!.dependencies ?? {}));
    }
  };
  add(Object.keys(dependencies));
  expect(brought.size).toBeGreaterThan(15);
  const range = (name: string): string => packages[`node_modules/${name}`]!.engines?.node ?? '>=0';
  const newer = [...brought].filter((name) => !includes(range(name), [20, 16]));
  expect(newer.map((name) => `${name} needs Node ${range(name)}`)).toEqual([]);
  expect([includes('>=22.12.0', [20, 16]), includes('>= 18 || ^22', [20, 16])]).toEqual([false, true]);
});
