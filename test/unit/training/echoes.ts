import { Random } from '../../../src/model/sampling/random.ts';

/** Each character is the one five places before, but for one in ten. */
export const echoes = (length: number): Uint8Array => {
  const random = Random.fromSeed(9);
  const ids = new Uint8Array(length);
  for (let at = 0; at < length; at++)
    ids[at] = at < 5 || random.uniform() < 0.1 ? Math.floor(4 * random.uniform()) : ids[at - 5]!;
  return ids;
};
