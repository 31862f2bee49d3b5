import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { startServer } from '../../src/server/server.ts';
import { readSettings } from '../../src/settings.ts';
import { commandBlocks } from '../document-blocks.ts';

test('the smoke test of docs/operations.md passes on a server that wants keys', async () => {
  const operations = await readFile('docs/operations.md', 'utf8');
  const [block] = commandBlocks(operations.slice(operations.indexOf('\n## Smoke test\n')));
  const server = await startServer(
    readSettings({ PORT: '0', LOG_LEVEL: 'silent', FOLIO_API_KEYS: 'reader', FOLIO_WRITE_KEYS: 'writer' }),
  );
  const child = spawn('bash', ['-eu', '-c', block!.code], {
    env: { ...process.env, URL: `${server.url}/`, FOLIO_KEY: 'reader' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const printed = await text(child.stdout);
  await server.close(0);
  expect(printed.trim().split('\n')).toEqual(Array(8).fill(expect.stringMatching(/^ok {6}\S/)));
});
