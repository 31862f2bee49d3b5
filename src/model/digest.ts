import { malformed } from './malformed.ts';
import { sha256 } from './sha256.ts';

/**
 * What a model is known by: SHA-256 over the JSON of its topology and weights manifest, then the bytes of its shards
 * in the manifest's order. Metadata is left out, so that a note added to a model does not make it another.
 *
 * @returns `sha256:` and 64 hexadecimal digits
 */
export const digestOf = async (
  modelTopology: unknown,
  weightsManifest: unknown,
  shards: readonly Uint8Array[],
): Promise<string> => {
  const text = new TextEncoder().encode(stringify({ modelTopology, weightsManifest }));
  const bytes = new Uint8Array(shards.reduce((sum, shard) => sum + shard.length, text.length));
  bytes.set(text);
  let at = text.length;
  for (const shard of shards) {
    bytes.set(shard, at);
    at += shard.length;
  }
  // Pages that are not served over https have no native digest.
  const hash = globalThis.crypto?.subtle
    ? new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
    : sha256(bytes);
  return `sha256:${Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
};

const stringify = (value: unknown): string => {
  try {
    return JSON.stringify(value);
  } catch {
    throw malformed('modelTopology', 'JSON that is not nested so deep', 'more');
  }
};
