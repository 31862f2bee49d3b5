import { builtinModules } from 'node:module';
import { relative } from 'node:path';
import { promisify } from 'node:util';
import type { Plugin } from 'esbuild';

/** They bring many others with them, and a program may do without: their functions load them when they are first called. */
const late = [
  'node:child_process',
  'node:crypto',
  'node:fs/promises',
  'node:stream/consumers',
  'node:timers/promises',
];

const isPlainFunction = (name: string, value: unknown): boolean =>
  /^[a-z]/.test(name) && typeof value === 'function' && !(promisify.custom in value);

/**
 * Takes Node's own modules by `process.getBuiltinModule`. An `import` of one reads every property that it has, those included
 * that are made when they are first read: the promises and streams of `node:fs`, the web API of `node:crypto`, and the whole
 * of fetch behind `node:http`.
 */
export const builtins: Plugin = {
  name: 'builtins',
  setup({ onResolve, onLoad }) {
    const names = new RegExp(`^(?:node:.*|${builtinModules.join('|')})$`);
    onResolve({ filter: names }, ({ path, kind, importer }) => {
      if (kind !== 'import-statement') return undefined;
      // One for each file that imports it, so that splitting code makes no file of it; no path, in which others look for packages.
      const suffix = `?${relative(import.meta.dirname, importer).replaceAll(/\W+/g, ' ')}`;
      return { path: path.replace(/^(?:node:)?/, 'node:'), namespace: 'builtin', suffix };
    });
    onLoad({ filter: /.*/, namespace: 'builtin' }, async ({ path }) => {
      const module = Object.entries<unknown>(await import(path)).filter(([name]) => /^\w+$/.test(name));
      const functions: string[] = [];
      const builtin = `process.getBuiltinModule('${path}')`;
      const exported = module.map(([name, value]) => {
        if (name === 'default') return '';
        if (!late.includes(path) || !isPlainFunction(name, value))
          return `export const ${name} = /* @__PURE__ */ (() => ${builtin}.${name})();`;
        functions.push(name);
        return `export const ${name} = (...given) => ${builtin}.${name}(...given);`;
      });
      const whole = late.includes(path)
        ? `{ ${functions.join(', ')} }`
        : `/* @__PURE__ */ (() => ${builtin})()`;
      return { contents: [...exported, `export default ${whole};`].join('\n') };
    });
  },
};
