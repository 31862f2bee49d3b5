import { invalid, phrase } from './invalid.ts';
import { sha256 } from './sha256.ts';

/** SHA-256 of parts one after another: [32]. */
export type Hash = (parts: readonly Uint8Array[]) => Uint8Array;

/** Milliseconds after which the first character has been sent on slow and busy machines too, so that the digest delays nothing. */
const LATER = 250;

/**
 * What a model is known by: SHA-256 over the JSON of its topology, that of its weights manifest, and the bytes of its
 * shards in the manifest's order. Metadata are left out, so that a note added to a model does not make it another.
 *
 * Nothing of a first character depends on it: it is made when it is asked for, or soon after loading, and the shards
 * are let go.
 *
 * @returns Gives `sha256:` and 64 hexadecimal digits
 * @throws FolioError `model_invalid` for JSON too deep to be written
 */
export const digestLater = (
  modelTopology: unknown,
  weightsManifest: unknown,
  shards: readonly Uint8Array[],
  hash: Hash = sha256,
): (() => string) => {
  let parts = [modelTopology, weightsManifest].map(jsonOf).concat(shards);
  let digest: string | undefined;
  const make = (): string => {
    if (digest === undefined) {
      digest = `sha256:${hexOf(hash(parts))}`;
      parts = [];
    }
    return digest;
  };
  try {
    const timer: unknown = setTimeout(make, LATER);
    // In Node a program may end before.
    if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as { unref(): void }).unref();
  } catch {
    // Edge runtimes have no timers while a program is loaded: it is made when it is asked for.
  }
  return make;
};

/** Bytes in lower-case hexadecimal digits. */
export const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

const jsonOf = (value: unknown): Uint8Array => {
  try {
    return new TextEncoder().encode(JSON.stringify(value));
  } catch {
    throw invalid('modelTopology', 'JSON that is not nested so deep', phrase('more'));
  }
};
