import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { FolderStore } from '../../src/store/folder-store.ts';
import { furnish } from '../api.cases.ts';
import { ServerProcess } from '../reliability/server-process.ts';
import { pythonClient } from './packages.ts';

/** The checks that Schemathesis does on every answer. */
const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
];

test('Schemathesis finds no answer that openapi.json does not describe, and no wrong request that is taken', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'folio-schemathesis-'));
  await furnish(new FolderStore(folder));
  const program = join(await pythonClient('schemathesis'), 'schemathesis');
  try {
    await using server = await ServerProcess.start(
      { FOLIO_STORE: folder, FOLIO_MODEL: 'tiny', FOLIO_WRITE_KEYS: 'writes', FOLIO_MAX_LENGTH: '200' },
      [join(import.meta.dirname, '../reliability/server-with-pretend-trainer.ts')],
    );
    const run = promisify(execFile)(
      program,
      [
        ...['run', `${server.url}/openapi.json`, '--header', 'Authorization: Bearer writes'],
        ...['--checks', checks.join(','), '--phases', 'examples,coverage,fuzzing'],
        ...['--max-examples', '5', '--seed', '1', '--request-timeout', '30', '--no-color'],
      ],
      { cwd: folder, maxBuffer: 1 << 26 },
    );
    const { stdout } = await run.catch((error: { stdout: string }) => {
      throw new Error(error.stdout);
    });
    const [, made = '0', passed] = /(\d+) generated, (\d+) passed/.exec(stdout) ?? [];
    expect(passed).toBe(made);
    expect(Number(made)).toBeGreaterThan(1000);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 280_000);
