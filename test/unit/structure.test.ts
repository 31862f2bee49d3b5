import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path/posix';
import { describe, expect, it } from 'vitest';

/** Imports point inwards: what each part may import of the project, itself always included. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'src/pattern/': [],
  'src/model/': ['src/pattern/', 'src/errors.ts'],
  'src/store/': ['src/model/', 'src/errors.ts', 'src/optional-package.ts', 'src/settings.ts'],
  'src/training-jobs/': ['src/store/', 'src/model/', 'src/errors.ts', 'src/version.ts'],
  'src/import/': ['src/store/', 'src/model/', 'src/errors.ts'],
  'src/api/': [
    'src/import/',
    'src/training-jobs/',
    'src/store/',
    'src/model/',
    'src/corpus-size.ts',
    'src/errors.ts',
    'src/file-kind.ts',
    'src/settings.ts',
    'src/version.ts',
  ],
  'src/client/': ['src/api/', 'src/model/'],
};

/** A package lives in one place, so that it can be replaced in one place. */
const livesIn: Readonly<Record<string, readonly string[]>> = {
  '@tensorflow/tfjs-node': ['training/'],
  '@aws-sdk/client-s3': ['src/store/'],
  '@eslint-community/regexpp': ['src/pattern/'],
  aws4: ['src/store/'],
  fflate: ['src/import/'],
  '@bufbuild/protobuf': ['src/import/'],
  '@fastify/busboy': ['src/api/'],
  express: ['src/server/'],
  'prom-client': ['src/server/'],
  pino: ['src/server/'],
  commander: ['src/cli/'],
  chardet: ['training/corpus/'],
  'cli-progress': ['training/'],
  'eventsource-parser': ['src/web/'],
  'lru-cache': ['src/store/'],
  hono: ['src/api/', 'src/server/', 'functions/', 'training/report/'],
  'aws-cdk-lib': ['cdk/'],
};

const sources = globSync(['src/**/*.ts', 'functions/**/*.ts', 'training/**/*.ts', 'cdk/**/*.ts'], {
  exclude: ['src/model/kernel/assembly/**', '**/*.d.ts'],
}).sort();

const importsOf = (file: string): string[] => {
  const text = readFileSync(file, 'utf8').replace(/^\s*\/?\*.*$/gm, '');
  const found = text.matchAll(/(?:\bfrom\s*|\bimport\s*\(\s*|^import\s+)'([\w@./:-]+)'/gm);
  return [...found].map((match) => match[1]!);
};

const resolved = (file: string, specifier: string): string =>
  specifier.startsWith('.') ? normalize(join(dirname(file), specifier)) : specifier;

/** Files of the project that a file imports. */
const targetsOf = (file: string): string[] =>
  importsOf(file)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => resolved(file, specifier));

const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

/**
 * Words that this project once used for something with a usual name: estimate or compute, start, move, say or report, separate,
 * provide, endpoint or entry point, codebase, receive, shut down, phone, light and dark.
 */
const notPlain =
  /\b(?:reckon(?:s|ed|ing)?|wakes?|swings?|swung|told|tells?|telling|parted by|lends?|lent|knock(?:s|ed)?|doors?|houses?|hears?|heard|dissolve[sd]?|telephones?|hire[sd]?|candles?|farewell|asked by nobody|cast anew)\b/gi;

describe('structure', () => {
  it('has sources to look at', () => {
    expect(sources.length).toBeGreaterThan(20);
  });

  it.each(Object.entries(mayImport))('%s imports only what lies further in', (part, allowed) => {
    const strays = sources
      .filter((file) => file.startsWith(part))
      .flatMap((file) =>
        targetsOf(file)
          .filter((target) => ![part, ...allowed].some((place) => target.startsWith(place)))
          .map((target) => `${file} -> ${target}`),
      );
    expect(strays).toEqual([]);
  });

  it('src/model imports no package and nothing of Node', () => {
    const strays = sources
      .filter((file) => file.startsWith('src/model/') && !file.endsWith('/build.ts'))
      .flatMap((file) =>
        importsOf(file)
          .filter((specifier) => !specifier.startsWith('.'))
          .map((specifier) => `${file} -> ${specifier}`),
      );
    expect(strays).toEqual([]);
  });

  it('no file imports itself by way of others', () => {
    const seen = new Set<string>();
    const circleFrom = (file: string, way: readonly string[]): readonly string[] | undefined => {
      if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
      if (seen.has(file)) return undefined;
      seen.add(file);
      for (const target of sources.includes(file) ? targetsOf(file) : []) {
        const circle = circleFrom(target, [...way, file]);
        if (circle) return circle;
      }
      return undefined;
    };
    expect(sources.flatMap((file) => circleFrom(file, []) ?? [])).toEqual([]);
  });

  it('nothing in src imports a function or the stack, and only the command line opens the trainer', () => {
    const strays = sources
      .filter((file) => file.startsWith('src/'))
      .flatMap((file) =>
        importsOf(file)
          .map((specifier) => resolved(file, specifier))
          .filter(
            (target) =>
              /^(functions|cdk)\//.test(target) ||
              (target.startsWith('training/') && !file.startsWith('src/cli/')),
          )
          .map((target) => `${file} -> ${target}`),
      );
    expect(strays).toEqual([]);
  });

  it.each(Object.entries(livesIn))('%s is imported only where it lives', (name, places) => {
    const strays = sources.filter(
      (file) =>
        importsOf(file).some((specifier) => packageOf(specifier) === name) &&
        !places.some((place) => file.startsWith(place)),
    );
    expect(strays).toEqual([]);
  });

  it('the trainer’s image sets TensorFlow up from the files that the set-up imports', () => {
    const copied = [...readFileSync('training/Dockerfile', 'utf8').matchAll(/^COPY (.*\.ts) \S+$/gm)].flatMap(
      ([, files]) => files!.split(' '),
    );
    const needed = new Set(['training/setup-tensorflow.ts']);
    for (const file of needed) for (const target of targetsOf(file)) needed.add(target);
    expect(copied.sort()).toEqual([...needed].sort());
  });

  it('keys of the store are made by src/store/keys.ts alone', () => {
    const key = /['"`](models|candidates|checkpoints|trainings|corpora|grids|bulk|keys)\/[$*'"`]/;
    const otherUse = /^\s*(\*|\/\*|\/\/|serverAccessLogsPrefix)/;
    const strays = sources
      .filter((file) => !['src/store/keys.ts', 'cdk/nag-suppressions.ts'].includes(file)) // the audits' own words
      .flatMap((file) =>
        readFileSync(file, 'utf8')
          .split('\n')
          .filter((line) => key.test(line) && !otherUse.test(line))
          .map((line) => `${file}: ${line.trim()}`),
      );
    expect(strays).toEqual([]);
  });

  it('only src/settings.ts and cdk/settings.ts read the environment', () => {
    const strays = sources.filter(
      (file) =>
        !file.startsWith('src/web/') && // whose snippets are for other people's programs
        !['src/settings.ts', 'cdk/settings.ts'].includes(file) &&
        /process\.env[.[]/.test(readFileSync(file, 'utf8').replace(/^\s*\/?\*.*$/gm, '')),
    );
    expect(strays).toEqual([]);
  });

  it('the library and the server use nothing that Node 20 lacks', () => {
    const newer =
      /\b(?:Array\.fromAsync|(?:Object|Map)\.groupBy|Promise\.(?:withResolvers|try)|RegExp\.escape|Iterator\.from|Float16Array|DurationFormat)\b|\bgetOrInsert|\.toArray\(\)|\b(?:values|keys|entries)\(\)\s*\.(?:map|filter|take|drop|find|some|every|reduce)\(|\.(?:isSubsetOf|isSupersetOf|isDisjointFrom|intersection|symmetricDifference)\(/;
    const asksFirst = ['src/model/format/halves.ts'];
    const strays = sources
      .filter((file) => file.startsWith('src/') && !/^src\/(?:cli|web)\//.test(file))
      .filter((file) => !asksFirst.includes(file))
      .flatMap((file) =>
        readFileSync(file, 'utf8')
          .replace(/^\s*\/?\*.*$/gm, '')
          .split('\n')
          .filter((line) => newer.test(line))
          .map((line) => `${file}: ${line.trim()}`),
      );
    expect(strays).toEqual([]);
  });

  it.each(['src/model', 'training', 'src/api'])('%s has at most 12 entries', (folder) => {
    expect(readdirSync(folder).length).toBeLessThanOrEqual(12);
  });

  it('no type, interface or class is exported under one name from two files', () => {
    const files = new Map<string, string[]>();
    for (const file of sources) {
      for (const [, name] of readFileSync(file, 'utf8').matchAll(
        /^export (?:abstract )?(?:interface|type|class|enum) (\w+)/gm,
      )) {
        files.set(name!, [...(files.get(name!) ?? []), file]);
      }
    }
    expect([...files].filter(([, places]) => places.length > 1)).toEqual([]);
  });

  it('ARCHITECTURE.md lists every folder of the project, files that are there, and no other folder', () => {
    const rows = readFileSync('ARCHITECTURE.md', 'utf8').matchAll(/^\| `([\w./-]+)\/` \|[^|]*\|([^|]*)\|$/gm);
    const listed = new Map([...rows].map(([, folder, files]) => [folder!, files!]));
    const places =
      '.ci bench cdk docs findings functions models scripts src standalone test test/fixtures test/unit training';
    const unlisted =
      /^(docs\/images|models\/|test\/(fixtures|unit|processes)\/)|\/(?:node_modules|dist)(\/|$)/;
    const folders = globSync(
      places.split(' ').map((place) => `${place}/**`),
      { exclude: ['**/node_modules'], withFileTypes: true },
    )
      .filter((entry) => entry.isDirectory())
      .map((entry) => relative('.', join(entry.parentPath, entry.name)))
      .filter((folder) => !unlisted.test(folder));
    expect([...listed.keys()].sort()).toEqual([...new Set([...places.split(' '), ...folders])].sort());
    const missing = [...listed].flatMap(([folder, files]) =>
      [...files.matchAll(/`([\w.-]+)`/g)]
        .map(([, file]) => `${folder}/${file}`)
        .filter((file) => !existsSync(file)),
    );
    expect(missing).toEqual([]);
  });

  it('texts and names are in plain English', () => {
    const files = globSync(
      [
        '*.md',
        '{.ci,bench,cdk,docs,findings,functions,scripts,src,test,training}/**/*.{css,html,md,mjs,sh,ts}',
      ],
      { exclude: ['**/node_modules', 'test/fixtures', 'test/unit/structure.test.ts'] },
    );
    expect(files.length).toBeGreaterThan(300);
    const found = files.flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .flatMap((line, i) => {
          const words = line.match(notPlain);
          return words === null ? [] : [`${file}:${i + 1}: ${words.join(', ')}`];
        }),
    );
    expect(found).toEqual([]);
  });
});
