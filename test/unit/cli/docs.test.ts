import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { errorCodes } from '../../../src/errors.ts';
import { SAMPLING_PARAMETER_TEXTS } from '../../../src/model/sampling/parameter-texts.ts';
import { rangeOf, samplingParameters, snakeCase } from '../../../src/model/sampling/parameters.ts';
import { definitions } from '../../../src/settings.ts';
import { folioWithin } from '../../folio-command.ts';

const docs = join(import.meta.dirname, '../../../docs');

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |\n`).join('');

const between = (page: string, name: string, content: string): string => {
  const [open, close] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
  const [from, to] = [page.indexOf(open) + open.length, page.indexOf(close)];
  expect([page.includes(open), to > from]).toEqual([true, true]);
  return `${page.slice(0, from)}\n${content}\n${page.slice(to)}`;
};

describe('documents hold what the program says', () => {
  test('docs/cli.md: help and exit codes', async () => {
    let page = await readFile(join(docs, 'cli.md'), 'utf8');
    const commands = [...page.matchAll(/^```text\nfolio(.*) --help\n[\s\S]*?^```$/gm)];
    for (const [block, args = ''] of commands) {
      const { code, stdout } = await folioWithin([...args.split(' ').filter(Boolean), '--help']);
      expect(code).toBe(0);
      page = page.replace(block, () => `\`\`\`text\nfolio${args} --help\n\n${stdout.trimEnd()}\n\`\`\``);
    }
    const wide = page
      .match(/^```text\nfolio.* --help\n[\s\S]*?^```$/gm)
      ?.flatMap((block) => block.split('\n'))
      .filter((line) => line.length > 80);
    expect(wide).toEqual([]);
    const documented = commands.map(([, args = '']) => args.trim());
    const { stdout } = await folioWithin(['--help']);
    const listed = [...stdout.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map((match) => match[1]);
    expect(listed.length).toBeGreaterThan(5);
    expect(documented).toEqual(expect.arrayContaining(listed));

    const codes = Map.groupBy(Object.entries(errorCodes), ([, { exit }]) => exit);
    const rows = [...codes]
      .sort(([a], [b]) => a - b)
      .map(([exit, of]) => [String(exit), of.map(([code]) => `\`${code}\``).join(', ')]);
    const all = [['0', 'done'], ['1', '`internal`'], ...rows];
    await expect(between(page, 'faults', table(['exit code', 'codes'], all))).toMatchFileSnapshot(
      join(docs, 'cli.md'),
    );
  });

  test('docs/sampling.md: names, ranges and defaults of the sampling parameters', async () => {
    const page = await readFile(join(docs, 'sampling.md'), 'utf8');
    const rows = samplingParameters.map(([name, parameter]) => {
      const snake = snakeCase(name);
      const flag = `--${snake.replaceAll('_', '-')}`;
      return [
        `\`${name}\``,
        `\`${snake}\``,
        `\`${flag}\``,
        rangeOf(parameter),
        String(parameter.default),
        SAMPLING_PARAMETER_TEXTS[name].help,
      ];
    });
    const head = ['library', 'HTTP', 'command line', 'range', 'default', 'meaning'];
    await expect(between(page, 'parameters', table(head, rows))).toMatchFileSnapshot(
      join(docs, 'sampling.md'),
    );
  });

  test('docs/settings.md: every variable', async () => {
    const page = await readFile(join(docs, 'settings.md'), 'utf8');
    const rows = Object.values<{ variable: string; fallback?: string; description: string }>(definitions).map(
      ({ variable, fallback, description }) => [
        `\`${variable}\``,
        fallback === undefined || fallback === '' ? '' : `\`${fallback}\``,
        description.replaceAll('|', '\\|'),
      ],
    );
    await expect(
      between(page, 'settings', table(['variable', 'default', 'meaning'], rows)),
    ).toMatchFileSnapshot(join(docs, 'settings.md'));
  });
});
