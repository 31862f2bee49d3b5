import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { presetNames } from '../../training/presets/presets.ts';
import { commandBlocks, runDocuments } from '../document-blocks.ts';

const documents = globSync(['*.md', 'docs/**/*.md']).sort();
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
const textOf = (file: string): string => readFileSync(file, 'utf8');

describe.each(documents)('%s', (file) => {
  it('links to what is there', () => {
    const missing = [...textOf(file).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
      .map((match) => match[1]!)
      .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(join(dirname(file), target)));
    expect(missing).toEqual([]);
  });

  it('names scripts that package.json has', () => {
    const called = [...textOf(file).matchAll(/npm run (?:-s )?([a-z][a-z:-]*)/g)].map((match) => match[1]!);
    expect(called.filter((name) => !(name in scripts))).toEqual([]);
  });

  it('names files of the project that are there', () => {
    const missing = [
      ...textOf(file).matchAll(
        /`((?:src|training|functions|cdk|test|bench|scripts)\/[\w./-]+\.(?:ts|html|md))`/g,
      ),
    ]
      .map((match) => match[1]!)
      .filter((path) => !existsSync(path));
    expect(missing).toEqual([]);
  });

  it('has nothing left to fill in', () => {
    expect(textOf(file)).not.toMatch(/@@|TODO|TUTORIAL_SAMPLE/);
  });
});

describe('README.md', () => {
  it('runs all the tests by the command that CI runs', () => {
    expect(textOf('README.md')).toContain('npm ci && npm test');
    expect(textOf('.ci/run')).toMatch(/npm ci .*&& npm test/);
  });

  it('says of the idle cost what docs/cost.md computes', () => {
    const [, idle] = /## Idle\n[\s\S]*?\*\*in all\*\* \| \*\*([\d.]+)\*\*/.exec(textOf('docs/cost.md'))!;
    expect(textOf('README.md').replaceAll('\n', ' ')).toContain(`${idle} a month idle`);
  });

  it('leads to every document, directly or through others', () => {
    const reached = new Set(['README.md']);
    for (const file of reached) {
      for (const [, target] of textOf(file).matchAll(/\]\(([^)#\s:]+\.md)/g)) {
        reached.add(normalize(join(dirname(file), target!)));
      }
    }
    expect(documents.filter((file) => !reached.has(file))).toEqual([]);
  });
});

describe('command blocks', () => {
  it.each(runDocuments)('of %s are run by test/documents, or say why not', (file) => {
    const run = globSync('test/documents/*.test.ts').map(textOf).join('');
    expect(run).toContain(`documentCases('${file}')`);
    const blocks = commandBlocks(textOf(file));
    expect(blocks.filter(({ mark }) => mark.kind !== 'not run').length).toBeGreaterThan(4);
    const fences = [...textOf(file).matchAll(/^```(\w*)\n[\s\S]*?^```$/gm)].map((match) => match[1]);
    expect(fences.filter((language) => !/^(sh|js|ts|py|json|text)$/.test(language!))).toEqual([]);
    const outputs = blocks.filter(({ output }) => output !== undefined);
    expect(outputs.map(({ output }) => output!.text.trim()).filter((text) => text === '')).toEqual([]);
  });

  it('are read with their marks and the output that follows', () => {
    const document = [
      '<!-- not run: it needs an account -->\n```sh\ncdk deploy\n```\n',
      'As a program:\n\n```ts\nconsole.log(1);\n```\n\n```text\n1\n```\n',
      '<!-- starts: http://127.0.0.1:3000/ -->\n\n```sh\nnpm start\n```\n',
      '```sh\ndate\n```\n\n<!-- differs: time passes -->\n```text\nFri\n```\n\nIt was\n\n```text\nFriday\n```\n',
    ].join('\n');
    const blocks = commandBlocks(document);
    expect(blocks.map(({ line, language, mark }) => [line, language, mark.kind, mark.value])).toEqual([
      [2, 'sh', 'not run', 'it needs an account'],
      [8, 'ts', 'run', ''],
      [18, 'sh', 'starts', 'http://127.0.0.1:3000/'],
      [22, 'sh', 'run', ''],
    ]);
    expect(blocks.map(({ output }) => output && [output.text, output.differs])).toEqual([
      undefined,
      ['1\n', undefined],
      undefined,
      ['Fri\n', 'time passes'],
    ]);
    const { from, to } = blocks[1]!.output!;
    expect(document.slice(from, to)).toBe('1\n');
  });

  it('have no mark that nobody knows', () => {
    expect(() => commandBlocks('<!-- skip -->\n```sh\nls\n```\n')).toThrow("line 2: unknown mark 'skip'");
    expect(() => commandBlocks('<!-- differs: why -->\n```sh\nls\n```\n')).toThrow(
      'before a block of output',
    );
  });
});

it.each(presetNames)('docs/training.md and the page offer the preset %s', (name) => {
  expect(textOf('docs/training.md')).toContain(`| \`${name}\` |`);
  expect(textOf('src/web/index.html')).toContain(`<option value="${name}"`);
  expect(textOf('src/web/training-panel.ts')).toMatch(new RegExp(`^  ${name}:`, 'm'));
});

describe('docs/security.md', () => {
  const rows = textOf('docs/security.md')
    .split('## Defences')[1]!
    .split('## What is left')[0]!
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| threat'));

  it('has defences', () => {
    expect(rows.length).toBeGreaterThan(25);
  });

  it.each(rows)('names a test that is there: %s', (row) => {
    const [, file = '', title = ''] = /`(test\/[\w./-]+)`: "([^"]+)" \|$/.exec(row) ?? [];
    expect(existsSync(file), row).toBe(true);
    const titles = [...textOf(file).matchAll(/(?:test|it|describe)\b[^\n]*\n?[^\n]*/g)].map(([line]) => line);
    const cases = [...textOf(file).matchAll(/^\s*\[?\s*'[^\n]*/gm)].map(([line]) => line); // of `each`
    expect(
      [...titles, ...cases].some((line) => line.includes(title)),
      `${file} has no test: ${title}`,
    ).toBe(true);
  });
});
