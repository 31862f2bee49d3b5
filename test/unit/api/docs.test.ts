import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { operations } from '../../../src/api/openapi/operations.ts';
import { CompletionRequestSchema, GenerateRequestSchema } from '../../../src/api/request/requests.ts';
import { definitions } from '../../../src/settings.ts';

const page = await readFile(new URL('../../../docs/api.md', import.meta.url), 'utf8');

test('docs/api.md tells every route', () => {
  for (const { method, path } of operations)
    expect(page).toContain(`| \`${method.toUpperCase()} ${path}\` |`);
});

test('docs/api.md tells every parameter of generation', () => {
  const names = [...Object.keys(GenerateRequestSchema.shape), ...Object.keys(CompletionRequestSchema.shape)];
  for (const name of names) expect(page).toMatch(new RegExp(`\`${name}(?:\`|\\.)`));
});

test('docs/api.md names only settings that exist', () => {
  const variables = Object.values(definitions).map(({ variable }) => variable);
  for (const [name] of page.matchAll(/\bFOLIO_[A-Z_]+\b/g)) expect(variables).toContain(name);
});
