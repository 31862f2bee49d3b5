import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type H5Dataset, openHdf5 } from '../../../src/import/hdf5.ts';

const file = new URL('../../fixtures/hdf5/model.h5', import.meta.url);

describe('a dataset in chunks', () => {
  const dataset = (name: string) => openHdf5(readFileSync(file), 'model.h5').get(name) as H5Dataset;

  it('is read whole', () => {
    expect([...dataset('whole').read().values]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it.each([
    ['part', '1'],
    ['none', '0'],
  ])('is refused where chunks were never written: %s', (name, written) => {
    expect(() => dataset(name).read()).toThrow(
      expect.objectContaining({
        code: 'model_invalid',
        message: expect.stringMatching(new RegExp(`3 chunks.*${written}: some were never written`)),
      }),
    );
  });
});
