import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel } from '../../../src/load-model.ts';
import { fetchModel } from '../../../src/model/fetch-model.ts';
import { sha256 } from '../../../src/model/format/sha256.ts';
import { openModel } from '../../../src/model/open-model.ts';
import { FolderStore } from '../../../src/store/folder-store.ts';
import { alphabetOfRandomModels, filesOf, randomFiles } from '../../random-model.ts';
import { publishTinyModel } from '../../tiny-model.ts';

const version = '20260101T000000Z-0123abcd';
const { json, weights } = randomFiles();
const files = filesOf(json, weights);

let root: string;
let server: Server;
let url: string;

const put = async (folder: string, extra: Readonly<Record<string, string>> = {}): Promise<string> => {
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries({ ...files, ...extra }))
    await writeFile(join(folder, name), content);
  return folder;
};

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'folio-load-'));
  await put(join(root, 'plain'), { 'alphabet.txt': alphabetOfRandomModels });
  await put(join(root, 'models/tiny', version));
  await writeFile(join(root, 'models/tiny/current.json'), JSON.stringify({ version }));
  server = createServer((request, response) => {
    readFile(join(root, request.url!.split('?')[0]!)).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server?.close();
  await rm(root, { recursive: true });
});

describe('a model is loaded', () => {
  it('from a folder, its file, and URLs of both', async () => {
    const folder = join(root, 'plain');
    const sources = [
      folder,
      join(folder, 'model.json'),
      pathToFileURL(folder),
      `${url}/plain`,
      `${url}/plain/`,
      `${url}/plain/model.json`,
      new URL(`${url}/plain/model.json?key=1`),
    ];
    for (const source of sources) {
      const model = await loadModel(source);
      expect(model.info.precision).toBe('int8');
      expect(model.alphabet.characters.join('')).toBe(alphabetOfRandomModels);
      model.dispose();
    }
  });

  it('from a folder of versions and from a store, by its current version or the one named', async () => {
    const store = new FolderStore(root);
    const sources = [
      join(root, 'models/tiny'),
      join(root, 'models/tiny/current.json'),
      { store, name: 'tiny' },
      { store, name: 'tiny', version },
    ];
    for (const source of sources) {
      expect((await loadModel(source, { precision: 'f32' })).info).toMatchObject({
        name: 'tiny',
        version,
        precision: 'f32',
      });
    }
  });

  it('from a folder only as it was published', async () => {
    const folder = join(root, 'published');
    const store = new FolderStore(folder);
    const { version: published } = await publishTinyModel(store);
    const place = join(folder, 'models/tiny');
    await loadModel(place);
    const shard = join(place, published, 'weights-1-of-1.bin');
    const bytes = await readFile(shard);
    await writeFile(shard, bytes.with(9, bytes[9]! ^ 1));
    for (const source of [place, join(place, published), { store, name: 'tiny' }]) {
      await expect(loadModel(source)).rejects.toMatchObject({ code: 'model_damaged' });
    }
  });

  it('over HTTP only as it was published, in Node and in a page alike', async () => {
    const { version: published } = await publishTinyModel(new FolderStore(join(root, 'served')));
    const place = join('served/models/tiny', published);
    const address = `${url}/${place}`;
    for (const open of [loadModel, fetchModel]) (await open(address)).dispose();
    for (const file of ['model.json', 'weights-1-of-1.bin', 'digests.json']) {
      const path = join(root, place, file);
      const bytes = await readFile(path);
      for (const damaged of [bytes.with(9, bytes[9]! ^ 1), bytes.subarray(0, -1), Buffer.alloc(0)]) {
        await writeFile(path, damaged);
        for (const open of [loadModel, fetchModel]) {
          await expect(open(address)).rejects.toMatchObject({
            code: 'model_damaged',
            details: { where: file },
          });
        }
      }
      await writeFile(path, bytes);
    }
    for (const open of [loadModel, fetchModel]) (await open(address)).dispose();
  });

  it('over HTTP from a server that sends its own page for what is not there', async () => {
    await writeFile(join(root, 'plain/digests.json'), '<!doctype html><title>A page</title>');
    const model = await loadModel(`${url}/plain`);
    expect(model.alphabet.characters.join('')).toBe(alphabetOfRandomModels);
    await rm(join(root, 'plain/digests.json'));
  });

  it("from another library's file, whatever it is called", async () => {
    const bytes = await readFile(join(import.meta.dirname, '../../fixtures/import/torch-lstm/state.pt'));
    for (const name of ['state.pt', 'epoch=1-step=16.ckpt', 'rnn_x_epoch.net', 'pytorch_model']) {
      await writeFile(join(root, name), bytes);
      const model = await loadModel(join(root, name));
      expect(model.info.layers).toHaveLength(2);
      model.dispose();
    }
  });

  it.each<[string, unknown, Record<string, unknown>?]>([
    ['precision: expected int8, int4 or f32, received "fp16".', 'plain', { precision: 'fp16' }],
    ['threads: expected a whole number from 1', 'plain', { threads: 0 }],
    ['prefixCacheBytes: expected a whole number from 0', 'plain', { prefixCacheBytes: -1 }],
    ['hash: expected a function', 'plain', { hash: 'sha256' }],
    ['source: expected a path, a URL, or { store, name }, received nothing.', undefined],
    ['source: expected a path, a URL, or { store, name }, received an object.', {}],
    ['chars.json is an alphabet, not a model', 'chars.json'],
  ])('not where an argument is wrong: %s', async (words, source, options) => {
    await writeFile(join(root, 'chars.json'), '["a", "b", "c"]');
    const place = typeof source === 'string' ? join(root, source) : source;
    await expect(loadModel(place as string, options)).rejects.toThrow(words);
  });

  it('not from where there is none', async () => {
    const sources = [
      join(root, 'nothing'),
      join(root, 'models'),
      `${url}/nothing`,
      { store: new FolderStore(root), name: 'other' },
    ];
    for (const source of sources)
      await expect(loadModel(source)).rejects.toMatchObject({ code: 'model_not_found' });
    await expect(loadModel(join(root, 'nothing'))).rejects.toMatchObject({
      details: { received: join(root, 'nothing') },
    });
    await expect(loadModel(sources[3]!)).rejects.toMatchObject({ details: { received: 'other' } });
    await expect(loadModel('http://127.0.0.1:9/x')).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('with a pointer or a shard that does not fit it: refused, and no large file is read', async () => {
    await mkdir(join(root, 'pointless'));
    await writeFile(join(root, 'pointless/current.json'), '{"version":"../../etc"}');
    await expect(loadModel(join(root, 'pointless'))).rejects.toMatchObject({ code: 'model_invalid' });
    await mkdir(join(root, 'folders/model.json'), { recursive: true });
    await expect(loadModel(join(root, 'folders'))).rejects.toMatchObject({ code: 'unavailable' });
    const folder = await put(join(root, 'huge'));
    await truncate(join(folder, 'weights.bin'), 2 ** 33);
    await expect(loadModel(folder)).rejects.toMatchObject({ code: 'model_invalid' });
    await expect(loadModel(`${url}/huge-but-short`)).rejects.toMatchObject({ code: 'model_not_found' });
  });
});

describe('an alphabet is found', () => {
  const open = (extra: Readonly<Record<string, string>>, metadata?: unknown) => {
    const all = filesOf({ ...json, userDefinedMetadata: metadata }, weights);
    for (const [name, content] of Object.entries(extra)) all[name] = new TextEncoder().encode(content);
    return openModel((file) => Promise.resolve(all[file]));
  };
  const list = [...alphabetOfRandomModels];
  const ids = JSON.stringify(Object.fromEntries(list.map((character, id) => [character, id])));

  it.each([
    ['in the metadata of Folio', {}, { folio: { alphabet: list } }],
    ['in other metadata', {}, { alphabet: list }],
    ['in alphabet.json, a list', { 'alphabet.json': JSON.stringify(list) }, undefined],
    ['in alphabet.json, an object', { 'alphabet.json': ids }, undefined],
    ['in alphabet.txt', { 'alphabet.txt': alphabetOfRandomModels }, undefined],
  ])('%s', async (_, extra, metadata) => {
    const model = await open(extra as Record<string, string>, metadata);
    expect(model.alphabet.characters).toEqual(list);
  });

  it('nowhere: then the model speaks in ids', async () => {
    const model = await open({});
    const { choices, promptCharacters } = await model
      .complete({ prompt: '3 1 4', length: 20, seed: 1 })
      .result();
    expect(promptCharacters).toBe(3);
    expect(choices[0]!.text).toMatch(/^( \d+){20}$/);
    const whole = await model.score(`3 1 4${choices[0]!.text}`);
    expect(whole.characters).toHaveLength(23);
    expect(whole.characters[0]!.logprob).toBeCloseTo(-Math.log(model.vocabularySize), 12);
  });
});

describe('the digest', () => {
  it('is that of topology and weights, whatever the metadata and the shards', async () => {
    const base = (await openModel((file) => Promise.resolve(files[file]))).info.digest;
    expect(base).toMatch(/^sha256:[0-9a-f]{64}$/);
    const noted = filesOf({ ...json, userDefinedMetadata: { note: 1 } }, weights);
    expect((await openModel((file) => Promise.resolve(noted[file]))).info.digest).toBe(base);
    const changed = weights.slice();
    changed[2]! ^= 1;
    const other = filesOf(json, changed);
    expect((await openModel((file) => Promise.resolve(other[file]))).info.digest).not.toBe(base);
  });
});

describe('the committed model', () => {
  it('has the digest that its version was named by, in plain code as by Node', async () => {
    const model = await loadModel(join(import.meta.dirname, '../../../models/shakespeare'));
    const { digest, version } = model.info;
    expect(version!.split('-')[1]).toBe(digest.slice('sha256:'.length, 'sha256:'.length + 8));
    expect((await loadModel(`models/shakespeare/${version}`, { hash: sha256 })).info.digest).toBe(digest);
  });
});

describe('the package', () => {
  it('is imported by its own name, after a build', async () => {
    const script = `
      import { loadModel, isFolioError } from 'folio';
      const model = await loadModel(process.argv[1], { precision: 'f32' });
      let text = '';
      for await (const piece of model.generate({ length: 20, seed: 1 })) text += piece;
      console.log(JSON.stringify({ length: text.length, size: model.vocabularySize, typed: isFolioError(new Error()) }));`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '-e', script, join(root, 'plain')],
      {
        cwd: join(import.meta.dirname, '../../..'),
      },
    );
    expect(JSON.parse(stdout)).toEqual({ length: 20, size: alphabetOfRandomModels.length, typed: false });
  });
});
