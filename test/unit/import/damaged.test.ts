import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isFolioError } from '../../../src/errors.ts';
import { importModel } from '../../../src/import/import-model.ts';
import { networkOf } from '../../../src/import/layers-model.ts';
import { readModelFile } from '../../../src/import/read-model-file.ts';
import { ml5Model } from '../../import-fixtures.ts';
import { numbers } from '../../random-network.ts';
import { threadTime } from '../../thread-time.ts';

/** Of each format: a tenth of the whole number, which FOLIO_MUTATIONS=5000 gives. */
const MUTATIONS = Number(process.env.FOLIO_MUTATIONS ?? 500);
const SLOWEST = 1000; // milliseconds of this thread
const MOST_MEMORY = 600 * 2 ** 20; // bytes more than before

const fixtures = join(import.meta.dirname, '../../fixtures/import');
const files = [
  'two-lstm/model.keras',
  'two-lstm/model.h5',
  'int4/model.keras',
  'torch-lstm/state.pt',
  'torch-lstm/old.pt',
  'torch-lstm/checkpoint.pt',
  'torch-lstm/full.pt',
  'torch-lstm/state.safetensors',
  'torch-lstm/old.onnx',
  'torch-lstm/quantized.onnx',
];

/** A file with something wrong: bytes changed, a number blown up, a part missing, twice or from elsewhere. */
const mutated = (bytes: Uint8Array, next: () => number): Uint8Array => {
  const at = Math.floor(next() * bytes.length);
  const kind = Math.floor(next() * 6);
  const changed = bytes.slice();
  if (kind === 0)
    for (let i = 0; i < 1 + next() * 8; i++) changed[Math.floor(next() * bytes.length)] = next() * 256;
  else if (kind === 1) return bytes.slice(0, at);
  else if (kind === 2) changed.fill(next() < 0.5 ? 0xff : 0, at, at + Math.floor(next() * 16));
  else if (kind === 3) {
    const big = [0x7fffffff, 0xffffffff, 2 ** 31, 2 ** 24, 1 + Math.floor(next() * 2 ** 20)];
    new DataView(changed.buffer).setUint32(
      Math.min(at, bytes.length - 4),
      big[Math.floor(next() * big.length)]!,
      true,
    );
  } else if (kind === 4) changed.copyWithin(at, Math.floor(next() * bytes.length), bytes.length);
  else {
    const part = bytes.subarray(at, at + Math.floor(next() * 64));
    const longer = new Uint8Array(bytes.length + part.length);
    longer.set(bytes.subarray(0, at));
    longer.set(part, at);
    longer.set(bytes.subarray(at), at + part.length);
    return longer;
  }
  return changed;
};

const ml5 = ml5Model().files;

/** A file of the fixtures, alone; or one of ml5's, with the others beside it. */
const formats: readonly (readonly [string, Uint8Array, (changed: Uint8Array) => Promise<unknown>])[] = [
  ...files.map((path) => {
    const read = (bytes: Uint8Array) =>
      readModelFile(bytes, { name: basename(path), denseActivation: 'relu' }).then(networkOf);
    return [path, new Uint8Array(readFileSync(join(fixtures, path))), read] as const;
  }),
  ...['manifest.json', 'vocab.json', 'weights_1'].map((damaged) => {
    const read = (bytes: Uint8Array) => {
      const beside = new Map([...ml5, [damaged, bytes]]);
      const sibling = async (file: string) => beside.get(file);
      return importModel(beside.get('manifest.json')!, { name: 'manifest.json', sibling });
    };
    return [`ml5/${damaged}`, ml5.get(damaged)!, read] as const;
  }),
];

describe('a damaged file', () => {
  it.each(formats)(
    '%s either reads or gives a typed error, within a second and a bounded memory',
    async (path, bytes, read) => {
      const before = process.memoryUsage.rss();
      let refused = 0;
      for (let seed = 1; seed <= MUTATIONS; seed++) {
        const given = mutated(bytes, numbers(seed));
        const began = threadTime();
        try {
          await read(given);
        } catch (error) {
          if (!isFolioError(error)) throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
          expect(error.code, `seed ${seed}`).toMatch(/^model_(invalid|unsupported)$|^invalid_parameter$/);
          refused++;
        }
        expect(threadTime() - began, `seed ${seed}`).toBeLessThan(SLOWEST);
      }
      // Of numbers alone, and of a file that is one of several to be looked at, most changes leave something whole.
      expect(refused).toBeGreaterThan(path === 'ml5/vocab.json' ? 0 : MUTATIONS / 10);
      expect(process.memoryUsage.rss() - before).toBeLessThan(MOST_MEMORY);
    },
    600_000,
  );
});
