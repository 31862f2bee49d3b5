import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildLineIndex } from '../../../src/model/lines/line-index.ts';
import { FolderStore } from '../../../src/store/folder-store.ts';
import { publishVersion } from '../../../src/store/models.ts';
import { type Ended, folio, folioWithin } from '../../folio-command.ts';
import { publishTinyModel, type TinyModel, tinyModel, writeTinyModel } from '../../tiny-model.ts';

let root: string;
let store: string;
let first: TinyModel;
let second: TinyModel;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'folio-cli-'));
  store = join(root, 'store');
  const at = (second_: number): Date => new Date(Date.UTC(2026, 0, 1, 0, 0, second_));
  first = await publishTinyModel(new FolderStore(store), { createdAt: at(1) });
  second = await publishTinyModel(new FolderStore(store), { createdAt: at(2), seed: 2 });
  await writeTinyModel(join(root, 'plain'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const ownStore = (): Record<string, string> => ({ FOLIO_STORE: store, FOLIO_MODEL: 'tiny' });
/** In a process of its own. */
const apart = (args: readonly string[], input?: string | Uint8Array): Promise<Ended> =>
  folio(args, { env: ownStore(), ...(input === undefined ? {} : { input }) });
const within = (args: readonly string[]): Promise<Ended> => folioWithin(args, ownStore());

describe('folio generate', () => {
  test('the same seed gives the same text, from a place and from the store, whole or as JSON', async () => {
    const args = ['generate', '--prompt', 'Now', '--length', '120', '--seed', '1'];
    const place = await apart([...args, '--model', join(store, 'models/tiny')]);
    const pinned = await within([...args, '--model', `tiny@${second.version}`, '--quiet']);
    const json = await within([...args, '--json', '--quiet']);
    expect([place.code, pinned.code, json.code]).toEqual([0, 0, 0]);
    expect([...place.stdout.trimEnd()].length).toBeGreaterThan(100);
    expect(pinned.stdout).toBe(place.stdout);
    expect(place.stderr).toMatch(
      new RegExp(`^tiny@${second.version} {2}seed 1 {2}120 characters, [\\d,]+ a second\\n$`),
    );
    expect(pinned.stderr).toBe('');
    const printed = JSON.parse(json.stdout);
    expect(printed).toMatchObject({
      model: 'tiny',
      version: second.version,
      seed: 1,
      prompt: 'Now',
      length: 120,
    });
    expect(printed.choices[0].text.replace(/\n$/, '')).toBe(place.stdout.replace(/\n$/, ''));
  });

  test('writes whole lines; new ones by the index beside the model, without which it says what is missing', async () => {
    const args = ['generate', '--lines', '40', '--seed', '1', '--length', '400'];
    const lines = (await apart(args)).stdout.split('\n').slice(0, -1);
    expect(lines).toHaveLength(40);
    expect((await within([...args, '--new'])).stderr).toMatch(/no index of its corpus' lines.*--kind lines/);
    const model = tinyModel({ name: 'listed' });
    const files = new Map([...model.files, ['line-index.bin', buildLineIndex(lines)]]);
    const listed = join(root, 'listed-store');
    await publishVersion(new FolderStore(listed), { ...model, files, replaces: null });
    for (const place of ['listed', join(listed, 'models/listed')]) {
      const { code, stdout, stderr } = await within([...args, '--new', '--model', place, '--store', listed]);
      expect(code).toBe(0);
      const written = stdout.split('\n').slice(0, -1);
      expect(new Set(written).size).toBe(40);
      expect(written.filter((line) => lines.includes(line))).toEqual([]);
      expect(stderr).toContain('40 lines not among the');
    }
    const json = await within([...args, '--json', '--quiet']);
    expect(
      json.stdout
        .trim()
        .split('\n')
        .map((row) => JSON.parse(row).line),
    ).toEqual(lines);
    expect((await within(['generate', '--new'])).stderr).toContain('--new goes with --lines');
    expect((await within([...args, '--count', '2'])).stderr).toContain('--count');
  });

  test('reads its prompt from standard input, and accepts the seed that it printed', async () => {
    const drawn = await apart(['generate', '--prompt', '-', '--length', '50', '--echo'], 'Hark');
    expect(drawn.stdout).toMatch(/^Hark/);
    const seed = /seed (\d+)/.exec(drawn.stderr)?.[1] ?? '';
    const again = await within(['generate', '--prompt', 'Hark', '--length', '50', '--echo', '--seed', seed]);
    expect(again.stdout).toBe(drawn.stdout);
  });

  test('goes on from a kept state as one longer text would have', async () => {
    const args = ['generate', '--prompt', 'Now', '--seed', '1', '--json', '--quiet'];
    const textOf = async (...more: string[]): Promise<string> =>
      JSON.parse((await within([...args, ...more])).stdout).choices[0].text;
    const state = join(root, 'state.bin');
    const begin = await textOf('--length', '30', '--save', state);
    const { stdout } = await within(['generate', '--from', state, '--length', '30', '--json', '--quiet']);
    expect(begin + JSON.parse(stdout).choices[0].text).toBe(await textOf('--length', '60'));
    const foreign = await within(['generate', '--from', join(root, 'plain/model.json')]);
    expect([foreign.code, foreign.stderr]).toEqual([2, expect.stringMatching(/\[state_mismatch\]\n$/)]);
  });

  test('several texts follow one another, with a line between them or none', async () => {
    const args = ['generate', '--count', '3', '--length', '9', '--allowed', 'ab', '--seed', '1', '--quiet'];
    const texts = (await within(args)).stdout.split('----\n');
    expect(texts).toHaveLength(3);
    expect((await within([...args, '--separator', '%%'])).stdout).toBe(texts.join('%%\n'));
    expect((await within([...args, '--separator', ''])).stdout).toBe(texts.join(''));
  });

  test('a version may be meant by its beginning, or as previous', async () => {
    const args = ['generate', '--length', '5', '--seed', '1', '--json', '--quiet', '--model'];
    const versionOf = async (model: string) => JSON.parse((await within([...args, model])).stdout).version;
    expect(await versionOf('tiny@previous')).toBe(first.version);
    expect(await versionOf(`tiny@${second.version.slice(0, 15)}`)).toBe(second.version);
  });

  test('a bias makes characters likelier and less likely', async () => {
    const { stdout } = await within(['generate', '--length', '50', '--logit-bias', 'A=100', '--quiet']);
    expect(stdout).toBe(`${'A'.repeat(50)}\n`);
    const refused = await within(['generate', '--logit-bias', 'A=101']);
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringMatching(/-100 to 100.*\[invalid_parameter\]\n$/),
    ]);
  });

  test('ends silently when its reader has left', async () => {
    const child = spawn(process.execPath, ['src/cli/main.ts', 'generate', '--length', '10000000'], {
      env: { ...process.env, ...ownStore() },
    });
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += String(chunk);
    });
    await once(child.stdout, 'data');
    child.stdout.destroy();
    const [code] = await once(child, 'close');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('an interrupt ends the text, with the exit code that shells expect', async () => {
    const child = spawn(process.execPath, ['src/cli/main.ts', 'generate', '--length', '10000000'], {
      env: { ...process.env, ...ownStore() },
    });
    child.stdout.once('data', () => child.kill('SIGINT'));
    child.stdout.resume();
    const [code] = await once(child, 'close');
    expect(code).toBe(130);
  });

  test('an interrupt that comes twice at once still lets the text end', async () => {
    const child = spawn(process.execPath, ['src/cli/main.ts', 'generate', '--length', '10000000'], {
      env: { ...process.env, ...ownStore() },
    });
    child.stdout.once('data', async () => {
      child.kill('SIGINT');
      await delay(1);
      child.kill('SIGINT');
    });
    child.stdout.resume();
    expect(await once(child, 'close')).toEqual([130, null]);
  });
});

describe('faults are one line with a stable code, and an exit code', () => {
  const damaged = async (name: string, change: (files: Map<string, Uint8Array>) => void): Promise<string> => {
    const files = new Map(tinyModel().files);
    change(files);
    const folder = join(root, name);
    await mkdir(folder, { recursive: true });
    for (const [file, bytes] of files) await writeFile(join(folder, file), bytes);
    return folder;
  };

  const expectFault = (
    { code, stdout, stderr }: Ended,
    exit: number,
    fault: string,
    printed: RegExp,
  ): void => {
    expect({ code, stdout }).toEqual({ code: exit, stdout: '' });
    expect(stderr).toMatch(/^error: [^\n]+ \[[a-z_]+\]\n$/);
    expect(stderr).toContain(`[${fault}]\n`);
    expect(stderr).toMatch(printed);
    expect(stderr).not.toMatch(/\bat .+:\d+:\d+/);
  };

  test.each<[string, readonly string[], number, string, RegExp]>([
    [
      'an unknown character',
      ['--prompt', 'na\u00efve'],
      2,
      'unknown_character',
      /"ï" \(U\+00EF\), character 3 of the text; --unknown set to/,
    ],
    [
      'several bad parameters',
      ['--temperature', '-1', '--top-p', 'x', '--seed', '1.5'],
      2,
      'invalid_parameter',
      /--temperature: expected .*received -1.*--top-p: .*received "x".*--seed: .*received 1.5/,
    ],
    [
      'an unknown option',
      ['--temprature', '1'],
      2,
      'invalid_parameter',
      /--temprature.*Did you mean --temperature/,
    ],
    [
      'a prompt without its option',
      ['ROMEO', 'and'],
      2,
      'invalid_parameter',
      /generate --prompt 'ROMEO and'/,
    ],
    ['a model that is not there', ['--model', 'nobody'], 3, 'model_not_found', /nobody/],
    ['a version that is not there', ['--model', 'tiny@never'], 3, 'model_not_found', /tiny@never/],
    ['a folder that is not there', ['--model', './nowhere'], 3, 'model_not_found', /nowhere/],
    ['a name that is none', ['--model', 'a b'], 2, 'invalid_parameter', /"a b"/],
    ['a guard without an index', ['--copy-guard', '20'], 5, 'model_unsupported', /without an index/],
  ])('%s', async (_, args, exit, code, printed) => {
    expectFault(await within(['generate', ...args]), exit, code, printed);
  });

  test('weights cut short, a model.json of nonsense and an unknown layer', async () => {
    const folders = await Promise.all([
      damaged('short', (files) => {
        files.set('weights-1-of-1.bin', files.get('weights-1-of-1.bin')!.subarray(0, 1000));
      }),
      damaged('nonsense', (files) => {
        files.set('model.json', new TextEncoder().encode('{"modelTopology":'));
      }),
      damaged('strange', (files) => {
        const model = new TextDecoder().decode(files.get('model.json')).replace('"LSTM"', '"Bidirectional"');
        files.set('model.json', new TextEncoder().encode(model));
      }),
    ]);
    const faultOf = (folder: string | undefined) => within(['generate', '--model', folder ?? '']);
    expectFault(await faultOf(folders[0]), 5, 'model_invalid', /weights-1-of-1\.bin.*1000/);
    expectFault(await faultOf(folders[1]), 5, 'model_invalid', /model\.json/);
    expectFault(await faultOf(folders[2]), 5, 'model_unsupported', /Bidirectional/);
  });

  test('a file that cannot be written or read is reported in the system’s words', async () => {
    const kept = await within([
      'generate',
      '--length',
      '1',
      '--json',
      '--save',
      join(root, 'no/such/folder'),
    ]);
    expect([kept.code, kept.stdout, kept.stderr]).toEqual([
      3,
      '', // nothing was generated for it
      expect.stringMatching(/^error: --save: there is no folder .*no\/such.* \[not_found\]\n$/),
    ]);
    const bulk = await within(['bulk', 'generate', '--input', join(root, 'none.jsonl')]);
    expect([bulk.code, bulk.stderr]).toEqual([3, expect.stringMatching(/none\.jsonl\. \[not_found\]\n$/)]);
  });

  test('a bad setting, an unknown command, standard input that is no text', async () => {
    const setting = await folioWithin(['generate'], { FOLIO_PRECISION: 'f16' });
    const command = await folioWithin(['genrate']);
    const input = await apart(['generate', '--prompt', '-'], new Uint8Array([0x66, 0xff, 0xfe]));
    expectFault(setting, 2, 'invalid_parameter', /FOLIO_PRECISION must be one of int8, int4, f32, not "f16"/);
    expectFault(command, 2, 'invalid_parameter', /unknown command 'genrate'.*Did you mean generate/);
    expectFault(input, 2, 'invalid_parameter', /Standard input is not UTF-8/);
  });
});

describe('folio serve', () => {
  test('prints its address, answers, serves a new version, and ends on a signal', async () => {
    const env = { ...process.env, ...ownStore(), FOLIO_RELOAD_SECONDS: '0', LOG_LEVEL: 'silent' };
    const child = spawn(process.execPath, ['src/cli/main.ts', 'serve', '--port', '0'], { env });
    const [line] = await once(child.stdout, 'data');
    const url = /^Folio is at (http:\/\/127\.0\.0\.1:\d+)\n/.exec(String(line))?.[1];
    const version = async (): Promise<unknown> =>
      ((await (await fetch(`${url}/generate?length=5`)).json()) as { version: unknown }).version;
    expect(await version()).toBe(second.version);
    expect(await (await fetch(`${url}/v1/models/tiny`)).json()).toMatchObject({
      kernel: {
        build: expect.stringMatching(/^(plain|relaxed|relaxed-fused)$/),
        threads: expect.any(Number),
      },
    });
    await within(['models', 'activate', 'tiny', first.version]);
    expect(await version()).toBe(first.version);
    await within(['models', 'activate', 'tiny', second.version]);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  test('lets a text end when a signal comes twice at once, as npm and npx send it', async () => {
    const env = { ...process.env, ...ownStore(), LOG_LEVEL: 'silent' };
    const child = spawn(process.execPath, ['src/cli/main.ts', 'serve', '--port', '0'], { env });
    const [line] = await once(child.stdout, 'data');
    const url = /^Folio is at (\S+)\n/.exec(String(line))?.[1];
    const response = await fetch(`${url}/generate?length=10000`, { headers: { accept: 'text/plain' } });
    const [stopping, ended] = [once(child.stderr, 'data'), once(child, 'exit')];
    child.kill('SIGINT');
    await stopping;
    child.kill('SIGINT');
    expect([...(await response.text())]).toHaveLength(10_000);
    expect(await ended).toEqual([0, null]);
  });

  test('a port that is taken, and an address beyond this machine without a key', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const taken = await within(['serve', '--port', String(port)]);
    other.close();
    expect([taken.code, taken.stderr]).toEqual([
      9,
      expect.stringMatching(/something else listens.*\[unavailable\]\n$/),
    ]);
    const open = await within(['serve', '--port', '0', '--host', '0.0.0.0']);
    expect([open.code, open.stderr]).toEqual([
      2,
      expect.stringMatching(/FOLIO_API_KEYS.*\[unauthorized\]\n$/),
    ]);
  });
});

describe('folio score', () => {
  test('gives bits per character and perplexity, for people and machines', async () => {
    await writeFile(join(root, 'text.txt'), 'To be, or not to be');
    const table = await within(['score', join(root, 'text.txt')]);
    const json = await within(['score', '--text', 'To be, or not to be', '--json', '--top', '1']);
    const characters = await within(['score', '--text', 'To', '--characters', '--top', '2']);
    const printed = JSON.parse(json.stdout);
    expect(printed.characters).toBe(19);
    expect(printed.bits_per_character).toBeCloseTo(printed.nats / 19 / Math.LN2, 9);
    expect(printed.perplexity).toBeCloseTo(Math.exp(printed.nats / 19), 6);
    expect(printed.details).toHaveLength(19);
    expect(table.stdout.split('\n')[1]).toMatch(
      new RegExp(`^${printed.bits_per_character.toFixed(4)} .* 19 .*text\\.txt$`),
    );
    const missing = await within(['score', 'no-file']);
    expect([missing.code, missing.stderr]).toEqual([3, expect.stringContaining('There is no file no-file.')]);
    const two = await within(['score', '--text', 'To be', '--text', 'or not']);
    expect(two.stdout.split('\n').slice(1, 3)).toEqual([
      expect.stringMatching(/ 5 +To be$/),
      expect.stringMatching(/ 6 +or not$/),
    ]);
    expect(characters.stdout).toMatch(/^"T"\t-\d+\.\d{4}\t\d+\t"[^\t]+\t[^\t]+\n"o"\t/);
  });
});

describe('folio inspect', () => {
  test('says what a model is made of, by its folder', async () => {
    const { stdout } = await within([
      'inspect',
      join(import.meta.dirname, '../../../models/shakespeare'),
      '--json',
    ]);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({
      layers: [{ kind: 'lstm', units: 512 }],
      precision: 'int8',
      vocabulary: 65,
    });
    expect(report.kernel).toMatchObject({
      build: expect.stringMatching(/^(plain|relaxed|relaxed-fused)$/),
      density: [
        { matrix: expect.stringContaining('recurrent_kernel'), density: 1, weights: 'int8' },
        { matrix: expect.stringContaining('kernel'), density: 1, weights: 'int8' },
      ],
    });
    const named = await within(['inspect', join(root, 'plain')]);
    expect(named.stdout).toMatch(
      /layers +(lstm|gru) \d+.*density of \S+recurrent_kernel +100\.0 %, in int8/s,
    );
  });

  test('asks for a corpus or a model', async () => {
    expect(await within(['inspect'])).toMatchObject({ code: 2, stderr: expect.stringContaining('--model') });
  });
});

describe('folio models', () => {
  test('lists, activates, removes', async () => {
    const versions = await within(['models', 'versions', 'tiny', '--json']);
    expect(JSON.parse(versions.stdout)).toMatchObject([
      { version: second.version, current: true },
      { version: first.version, current: false },
    ]);
    const taken = await within(['models', 'remove', 'tiny', second.version]);
    expect([taken.code, taken.stderr]).toEqual([4, expect.stringMatching(/is current.*\[conflict\]\n$/)]);
    const back = await within(['models', 'activate', 'tiny', first.version, '--replaces', second.version]);
    expect(back).toEqual({
      code: 0,
      stdout: '',
      stderr: `tiny@${first.version} is current. It was ${second.version}.\n`,
    });
    expect((await within(['models'])).stdout).toBe(`tiny  ${first.version}\n`);
    await within(['models', 'activate', 'tiny', second.version]);
  });
});

describe('folio bulk', () => {
  const rows = Array.from({ length: 25 }, (_, i) => JSON.stringify({ id: `r${i}`, prompt: 'A', length: 8 }));

  test('keeps the order, and goes on where it was stopped as if it never had been', async () => {
    const input = join(root, 'rows.jsonl');
    await writeFile(input, `${rows.join('\n')}\n`);
    const whole = join(root, 'whole.jsonl');
    const half = join(root, 'half.jsonl');
    const bulk = (output: string, ...more: string[]) =>
      within(['bulk', 'generate', '--input', input, '--output', output, '--seed', '5', ...more]);
    expect((await bulk(whole)).code).toBe(0);
    const results = await readFile(whole, 'utf8');
    expect(
      results
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line).id),
    ).toEqual(rows.map((_, i) => `r${i}`));
    await writeFile(half, results.slice(0, results.length / 2)); // a line cut in its middle
    const bulkInParts = (...more: string[]) => bulk(`${join(root, 'parts')}/`, '--part-rows', '10', ...more);
    const refused = await bulk(whole);
    const resumed = await bulk(half, '--resume', '--concurrency', '3');
    const parts = await bulkInParts();
    expect([refused.code, refused.stderr]).toEqual([
      4,
      expect.stringMatching(/--resume.*\[already_exists\]\n$/),
    ]);
    expect(resumed.stderr).toMatch(/after 1\d that stood already/);
    expect(await readFile(half, 'utf8')).toBe(results);
    expect(parts.code).toBe(0);
    const read = (part: number) => readFile(join(root, `parts/part-00000${part}.jsonl`), 'utf8');
    expect((await Promise.all([0, 1, 2].map(read))).join('')).toBe(results);
    const another = await bulkInParts('--resume', '--length', '9');
    await rm(join(root, 'parts/part-000001.jsonl'));
    await rm(join(root, 'parts/part-000002.jsonl'));
    const again = await bulkInParts('--resume');
    expect([another.code, another.stderr]).toEqual([
      4,
      expect.stringMatching(/another job.*\[conflict\]\n$/),
    ]);
    expect(again.stderr).toMatch(/^15 rows after 10 that stood already/);
    expect((await Promise.all([0, 1, 2].map(read))).join('')).toBe(results);
  });

  test('a row at fault is reported and stops no other row', async () => {
    const rows = [
      '{"id":1,"text":"one"}',
      '{"id":2,"text":5}',
      '',
      'no JSON',
      '{"id":4,"text":"ï"}',
      '{"text":"five"}',
    ];
    const { code, stdout, stderr } = await apart(['bulk', 'score'], rows.join('\n'));
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^5 rows in .*\nerror: 3 of 5 rows failed: each says why\. \[invalid_request\]\n$/,
    );
    const model = `tiny@${second.version}`;
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { index: 0, id: 1, model, characters: 3 },
      {
        index: 1,
        id: 2,
        model,
        error: { code: 'invalid_parameter', message: 'text: expected a string, received 5.' },
      },
      { index: 2, model, error: { code: 'invalid_request' } },
      { index: 3, id: 4, model, error: { code: 'unknown_character' } },
      { index: 4, model, characters: 4 },
    ]);
  });
});

test('folio train names the models that there are where that of --from is not', async () => {
  const { code, stderr } = await apart(['train', '--corpus', '-', '--name', 'new', '--from', 'tinny']);
  expect([code, stderr]).toEqual([
    3,
    `error: There is no model tinny in ${store}. Did you mean tiny? It holds tiny. [model_not_found]\n`,
  ]);
});

describe.runIf(process.platform === 'linux')(
  'folio train, whatever becomes of the processes around it',
  () => {
    /** Waits for its corpus on standard input. */
    const waiting = () =>
      spawn(process.execPath, ['src/cli/main.ts', 'train', '--corpus', '-', '--name', 'waiting'], {
        env: { ...process.env, FOLIO_STORE: join(root, 'trainings') },
      });

    test('goes on where nobody reads what it reports any more', async () => {
      const child = waiting();
      child.stderr.destroy();
      child.stdin.end('five');
      const [code] = await once(child, 'close');
      expect(code).toBe(5); // corpus_too_small
    });

    test('a second Ctrl-C ends a process that computes and answers nothing', async () => {
      const child = waiting();
      const children = () => readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
      await expect.poll(children).toMatch(/\d/);
      const computing = Number(await children());
      process.kill(computing, 'SIGSTOP');
      child.kill('SIGINT');
      await delay(1100); // a signal that comes again within a second is the same one
      child.kill('SIGINT');
      const [code] = await once(child, 'close');
      expect(code).toBe(130);
      expect(() => process.kill(computing, 0)).toThrow('ESRCH');
    });
  },
);
