import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { markFirstCalls } from '../../scripts/first-calls.ts';

let work: string;
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'folio-first-calls-'));
});
afterEach(() => rm(work, { recursive: true }));

const library = `function declared(list) {
  return list.map(function(value) {
    return value + 1;
  });
}
var called = function(list) {
  return declared(list);
};
var never = function() {
  return 0;
};
var later = async function(seconds, then=function() {
  return seconds;
}) {
  return then();
};
var Counter = class {
  next() {
    return called([1]);
  }
};
export { Counter, later, never };
`;

it('puts the function expressions that a program calls in parentheses, and the rest of each line keeps its place', async () => {
  await writeFile(join(work, 'library.mjs'), library);
  const program = `import { Counter, later } from './library.mjs';\nnew Counter().next();\nawait later(1);\n`;
  await writeFile(join(work, 'program.mjs'), program);
  await markFirstCalls(work, [[join(work, 'program.mjs')]]);
  const marked = await readFile(join(work, 'library.mjs'), 'utf8');
  expect(marked).toBe(
    library
      .replace(
        'list.map(function(value) {\n    return value + 1;\n  })',
        'list.map((function(value) {\n    return value + 1;\n  }))',
      )
      .replace(
        'var called = function(list) {\n  return declared(list);\n}',
        'var called =(function(list) {\n  return declared(list);\n})',
      )
      .replace(
        'var later = async function(seconds, then=function() {\n  return seconds;\n}) {\n  return then();\n}',
        'var later =(async function(seconds, then=(function() {\n  return seconds;\n})) {\n  return then();\n})',
      ),
  );
  await expect(readFile(join(work, 'program.mjs'), 'utf8')).resolves.toBe(program);
});

it('changes nothing for a program that fails', async () => {
  await writeFile(join(work, 'library.mjs'), library);
  await writeFile(
    join(work, 'program.mjs'),
    `import './library.mjs';\nthrow new Error('as a test wants it');\n`,
  );
  await markFirstCalls(work, [[join(work, 'program.mjs')]]);
  await expect(readFile(join(work, 'library.mjs'), 'utf8')).resolves.toBe(library);
});
