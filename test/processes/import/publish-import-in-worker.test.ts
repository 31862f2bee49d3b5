import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { publishImportInWorker } from '../../../src/import/publish-import-in-worker.ts';
import { currentVersion } from '../../../src/store/models.ts';
import { openStore } from '../../../src/store/open-store.ts';

/** A state dict of zeros, as safetensors. */
const safetensors = (shapes: Readonly<Record<string, readonly number[]>>): Uint8Array<ArrayBuffer> => {
  let end = 0;
  const header = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const start = end;
      end += 4 * shape.reduce((product, size) => product * size, 1);
      return [name, { dtype: 'F32', shape, data_offsets: [start, end] }];
    }),
  );
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
};

const units = 400;
const large = () =>
  safetensors({
    'lstm.weight_ih_l0': [4 * units, 3],
    'lstm.weight_hh_l0': [4 * units, units],
    'lstm.bias_ih_l0': [4 * units],
    'lstm.bias_hh_l0': [4 * units],
    'fc.weight': [3, units],
    'fc.bias': [3],
  });

describe('a large import, in a thread of its own', () => {
  let store: string;
  beforeAll(async () => {
    store = await mkdtemp(join(tmpdir(), 'folio-import-'));
  });
  afterAll(() => rm(store, { recursive: true }));
  const importIt = (bytes: Uint8Array) =>
    publishImportInWorker({
      ...{ store, name: 'large', bytes },
      options: { name: 'large.safetensors', alphabet: 'abc', alphabetName: 'alphabet' },
    });

  test('throws what importing throws, with its details', async () => {
    const bytes = large();
    bytes.copyWithin(0, 1); // a header of another length
    await expect(importIt(bytes)).rejects.toMatchObject({
      name: 'FolioError',
      code: expect.stringMatching(/^model_(invalid|unsupported)$/),
      details: { where: expect.stringContaining('large.safetensors') },
    });
    expect(bytes.length).toBe(0); // handed over to the thread
  });

  test('publishes', async () => {
    const bytes = large();
    const published = await importIt(bytes);
    expect(published).toMatchObject({ vocabulary: 3, alphabet: ['a', 'b', 'c'], alphabetFrom: 'option' });
    expect(bytes.length).toBe(0);
    expect(await currentVersion(await openStore(store), 'large')).toBe(published.version);
  });
});
