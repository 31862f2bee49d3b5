import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

import { withRareFields } from '../../../src/api/request/rare-fields.ts';
import { CompletionRequestSchema, GenerateRequestSchema } from '../../../src/api/request/requests.ts';
import { operations, templateOf } from '../../../src/api/routes/routes.ts';
import { definitions } from '../../../src/settings.ts';

const address = new URL('../../../docs/api.md', import.meta.url);
const page = await readFile(address, 'utf8');

/** The page with what stands between two marks replaced. */
const replaceBetween = (text: string, mark: string, content: string): string => {
  const [open, close] = [`<!-- ${mark} -->\n`, `<!-- /${mark} -->`];
  const [from, to] = [text.indexOf(open) + open.length, text.indexOf(close)];
  expect([text.includes(open), to >= from]).toEqual([true, true]);
  return `${text.slice(0, from)}\n${content}\n${text.slice(to)}`;
};

test('docs/api.md lists every route, as its operation describes it', async () => {
  const rows = operations.map(
    ({ method, path, summary }) => `| \`${method.toUpperCase()} ${templateOf(path)}\` | ${summary} |\n`,
  );
  const table = `| route | what it does |\n| --- | --- |\n${rows.join('')}`;
  await expect(replaceBetween(page, 'routes', table)).toMatchFileSnapshot(fileURLToPath(address));
});

test('docs/api.md names every parameter of generation', () => {
  const schemas = [GenerateRequestSchema, CompletionRequestSchema].map(withRareFields);
  const names = schemas.flatMap(({ shape }) => Object.keys(shape));
  for (const name of names) expect(page).toMatch(new RegExp(`\`${name}(?:\`|\\.)`));
});

test('docs/api.md names only settings that exist', () => {
  const variables = Object.values(definitions).map(({ variable }) => variable);
  // The reader's own shell variable, in the commands.
  for (const [name] of page.matchAll(/\bFOLIO_(?!KEY\b)[A-Z_]+\b/g)) expect(variables).toContain(name);
});
