import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHost } from '../../../src/server/host.ts';
import { readSettings } from '../../../src/settings.ts';
import { openStore } from '../../../src/store/open-store.ts';
import { type Ended, folioWithin } from '../../folio-command.ts';
import { ml5Model } from '../../import-fixtures.ts';
import { callsOf } from '../api/host-under-test.ts';

const fixtures = join(import.meta.dirname, '../../fixtures/import');
const letters = 'abcdefghijk';

let root: string;
let store: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'folio-import-'));
  store = join(root, 'store');
  await mkdir(join(root, 'ml5'));
  for (const [file, bytes] of ml5Model().files) await writeFile(join(root, 'ml5', file), bytes);
  await writeFile(join(root, 'letters.json'), JSON.stringify([...letters]));
  await writeFile(join(root, 'few.json'), JSON.stringify([...'abc']));
  await writeFile(join(root, 'seven.txt'), 'abcdefg');
  await writeFile(join(root, 'corpus.txt'), 'kjihg fedcb'.replace(' ', 'a'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const run = (...args: readonly string[]): Promise<Ended> => folioWithin(args, { FOLIO_STORE: store });
const alphabet = (): readonly string[] => ['--alphabet', join(root, 'letters.json')];

describe('folio import', () => {
  test.each([
    ['two-lstm/model.keras', ['--alphabet', 'letters.json'], 'Keras 3'],
    ['two-lstm/model.h5', ['--alphabet', 'letters.json'], 'Keras 3'],
    [
      'two-lstm/model.weights.h5',
      ['--alphabet', 'letters.json', '--config', 'two-lstm/config.json'],
      'Keras 3',
    ],
    ['keras1/model.h5', ['--alphabet', 'seven.txt'], 'Keras 1'],
    ['torch-lstm/checkpoint.pt', [], 'PyTorch'],
    ['torch-lstm/old.pt', ['--alphabet', 'letters.json'], 'PyTorch'],
    ['torch-lstm/state.safetensors', ['--alphabet-from', 'corpus.txt'], 'safetensors'],
    ['torch-lstm/model.onnx', ['--alphabet', 'letters.json'], 'ONNX'],
    ['torch-gru/model.onnx', ['--alphabet', 'letters.json'], 'ONNX'],
  ])(
    '%s %j is published, says what wrote it, and a sample of it is printed',
    async (file, options, format) => {
      const name = file.replaceAll(/[/.]/g, '-');
      const places = options.map((option) => {
        if (option.endsWith('config.json')) return join(fixtures, option);
        return option.startsWith('--') ? option : join(root, option);
      });
      const { code, stdout, stderr } = await run('import', join(fixtures, file), '--name', name, ...places);
      expect(code, stderr).toBe(0);
      expect(stderr).toContain(`is published, made of ${format}`);
      expect(stdout).toMatch(/^[a-k]{200}\n$/);
      const generated = await run(
        'generate',
        '--model',
        name,
        '--prompt',
        'abc',
        '--length',
        '20',
        '--quiet',
      );
      expect(generated.stdout).toMatch(/^[a-k]+\n$/);
    },
  );

  test('an ml5 manifest, with its weights and characters beside it', async () => {
    const { code, stdout, stderr } = await run('import', join(root, 'ml5/manifest.json'), '--name', 'ml5');
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^[abc]{200}\n$/);
  });

  test('an alphabet beside the file is found and named', async () => {
    await mkdir(join(root, 'beside'));
    await copyFile(join(fixtures, 'torch-lstm/state.pt'), join(root, 'beside/state.pt'));
    await copyFile(join(root, 'letters.json'), join(root, 'beside/chars.json'));
    const { stderr, stdout } = await run('import', join(root, 'beside/state.pt'), '--name', 'beside');
    expect(stderr).toContain(`Its alphabet was found in ${join(root, 'beside/chars.json')}`);
    expect(stdout).toMatch(/^[a-k]{200}\n$/);
  });
});

describe('a model without an alphabet', () => {
  beforeAll(async () => {
    await run('import', join(fixtures, 'torch-lstm/state.pt'), '--name', 'numbers');
  });

  test('is said to have none, in the same words by the command and over HTTP', async () => {
    const { stderr, stdout } = await run(
      'import',
      join(fixtures, 'torch-lstm/state.pt'),
      '--name',
      'other-numbers',
    );
    expect(stdout).toMatch(/^(?: \d+){200}\n$/);
    const words = /Nothing says what the model's ids stand for.*/.exec(stderr)?.[0];
    expect(words).toContain('--alphabet FILE');
    const host = await createHost(
      readSettings({ FOLIO_STORE: store, FOLIO_MODEL: 'numbers', LOG_LEVEL: 'silent' }),
    );
    try {
      const fetch = callsOf(host);
      let imports = 0;
      const post = (query: string, body: BodyInit) =>
        fetch(`/v1/models/over-http-${imports++}/import?${query}`, {
          method: 'POST',
          headers: { 'content-type': 'application/octet-stream' },
          body,
        });
      const state = new Uint8Array(await readFile(join(fixtures, 'torch-lstm/state.pt')));
      expect(await (await post('file=state.pt', state)).json()).toMatchObject({ notes: [words] });
      // The same choices as the command's.
      for (const alphabetParameter of [
        letters,
        JSON.stringify([...letters]),
        JSON.stringify({ ...[...letters] }),
      ]) {
        const answer = await post(`alphabet=${encodeURIComponent(alphabetParameter)}`, state);
        expect(await answer.json()).toMatchObject({ notes: [], alphabet: [...letters] });
      }
      await (await openStore(store)).write('corpora/letters.txt', Buffer.from('kjihgfedcba\n'.trim()));
      expect(await (await post('alphabet_from=letters', state)).json()).toMatchObject({
        alphabet: [...letters],
      });
      expect((await post('alphabet_from=other', state)).status).toBe(404);
      expect((await post(`alphabet_from=letters&alphabet=${letters}`, state)).status).toBe(400);
      // A prompt in letters is refused with the same advice.
      const advice = words!.slice(words!.indexOf('An alphabet'));
      const generated = await fetch('/generate?prompt=abc');
      expect([generated.status, await generated.text()]).toEqual([400, expect.stringContaining(advice)]);
      const command = await run('generate', '--model', 'numbers', '--prompt', 'abc');
      expect([command.code, command.stderr]).toEqual([2, expect.stringContaining(advice)]);
    } finally {
      await host.close();
    }
  });

  test('is given one wherever it is named', async () => {
    const corpus = ['--alphabet-from', join(root, 'corpus.txt')];
    for (const given of [alphabet(), corpus]) {
      const generated = await run('generate', '--model', 'numbers', '--prompt', 'abc', '--quiet', ...given);
      expect(generated.stdout).toMatch(/^[a-k]+\n$/);
      const inspected = await run('inspect', '--model', 'numbers', ...given);
      expect(inspected.stdout).toContain(`"${letters}"`);
    }
    expect((await run('inspect', '--model', 'numbers')).stdout).toContain('reads and writes ids');
    expect((await run('score', '--model', 'numbers', '--text', 'abc', ...alphabet())).code).toBe(0);
    const host = await createHost(
      readSettings({ FOLIO_STORE: store, FOLIO_MODEL: 'numbers', LOG_LEVEL: 'silent' }),
      undefined,
      undefined,
      { alphabet: [...letters], alphabetName: 'letters.json' },
    );
    try {
      const answer = await callsOf(host)('/generate?prompt=abc&length=20');
      expect(await answer.json()).toMatchObject({ text: expect.stringMatching(/^[a-k]{20}$/) });
    } finally {
      await host.close();
    }
  });

  test.each([
    ['generate', ['--model', 'numbers']],
    ['inspect', ['--model', 'numbers']],
    ['import', [join(fixtures, 'torch-lstm/state.pt'), '--name', 'few']],
  ])('%s names the file whose characters do not fit', async (command, options) => {
    const file = join(root, 'few.json');
    const { code, stderr } = await run(command, ...options, '--alphabet', file);
    expect(code).toBe(5);
    expect(stderr).toBe(
      `error: ${file}: expected a list of 11 characters, as the model has 11 ids (an object of character to id may have gaps), received a list of 3. [model_invalid]\n`,
    );
    expect(basename(file)).toBe('few.json');
  });
});
