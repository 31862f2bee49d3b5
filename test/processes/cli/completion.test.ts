import { execFile, execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FolderStore } from '../../../src/store/folder-store.ts';
import { folioWithin } from '../../folio-command.ts';
import { publishTinyModel } from '../../tiny-model.ts';

let root: string;
let version: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'folio-completion-'));
  ({ version } = await publishTinyModel(new FolderStore(root)));
  const main = resolve('src/cli/main.ts');
  await writeFile(join(root, 'folio'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  await chmod(join(root, 'folio'), 0o755);
});
afterAll(() => rm(root, { recursive: true }));

const completed = async (...words: string[]): Promise<string[]> =>
  (await folioWithin(['completion', 'for', '--', ...words], { FOLIO_STORE: root })).stdout
    .split('\n')
    .filter(Boolean);

describe('folio completion for', () => {
  test('completes commands, their own commands, options, choices, models and versions', async () => {
    expect(await completed('gen')).toEqual(['generate']);
    expect(await completed('')).toEqual(expect.arrayContaining(['generate', 'models', 'doctor']));
    expect(await completed('models', 'r')).toEqual(['rollback', 'rename', 'remove']);
    expect(await completed('generate', '--temp')).toEqual(['--temperature']);
    expect(await completed('train', '--preset', 't')).toEqual(['tiny', 'tutorial']);
    expect(await completed('generate', '--model', '')).toEqual(['tiny']);
    expect(await completed('generate', '--json', '--model', 't')).toEqual(['tiny']);
    expect(await completed('models', 'versions', '')).toEqual(['tiny']);
    expect(await completed('models', 'activate', 'tiny', '')).toEqual([version, 'previous']);
    expect(await completed('models', 'versions', '--store', join(root, 'none'), '')).toEqual([]);
  });

  test('says nothing where a file is meant: the shell completes those', async () => {
    expect(await completed('train', '--corpus', '')).toEqual([]);
    expect(await completed('import', 'x')).toEqual([]);
  });

  test('an unknown shell is refused', async () => {
    const { code, stderr } = await folioWithin(['completion', 'tcsh']);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/bash, zsh/)]);
  });
});

test('bash completes by the script that it is given', async () => {
  const script = (await folioWithin(['completion', 'bash'])).stdout;
  const line = `${script}\nCOMP_WORDS=(folio models ro); COMP_CWORD=2; _folio; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await promisify(execFile)('bash', ['-c', line], {
    env: { ...process.env, PATH: `${root}:${process.env.PATH}`, FOLIO_STORE: root },
  });
  expect(stdout).toBe('rollback\n');
});

/** Where a shell is installed, it reads its script without a fault. */
const installed = (shell: string): boolean => {
  try {
    execFileSync(shell, ['-c', 'true']);
    return true;
  } catch {
    return false;
  }
};

test.each(['zsh', 'fish'])('%s reads its script', async (shell) => {
  const script = (await folioWithin(['completion', shell])).stdout;
  expect(script).toContain('folio completion for --');
  if (!installed(shell)) return;
  const before = shell === 'zsh' ? 'autoload -Uz compinit; compinit -u -D\n' : '';
  execFileSync(shell, ['-c', before + script], { stdio: 'pipe' });
});
