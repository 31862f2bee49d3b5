import { randomBytes } from 'node:crypto';
import { FolioError, isFolioError } from '../errors.ts';
import { signingSecretKey } from './keys.ts';
import type { Store } from './store.ts';

const leastLength = 16;

/**
 * The secret that signs states, for hosts that share a store.
 *
 * @throws FolioError `unavailable` where the store has none, or none that can be read
 */
export const readSigningSecret = async (store: Store): Promise<string> => {
  const object = await store.read(signingSecretKey);
  const text = new TextDecoder().decode(object?.bytes);
  const { secret } = (parseJson(text) ?? {}) as { readonly secret?: unknown };
  if (typeof secret === 'string' && secret.length >= leastLength) return secret;
  throw new FolioError(
    'unavailable',
    `${signingSecretKey} of the store has no secret, so that no text can be gone on with: expected {"secret": "at least ${leastLength} characters"}.`,
    {
      where: signingSecretKey,
      expected: '{"secret": "…"}',
      received: object === undefined ? 'no object' : 'another',
    },
  );
};

/** Draws the secret unless there is one already. */
export const createSigningSecret = async (store: Store): Promise<void> => {
  const drawn = { secret: randomBytes(32).toString('base64url') };
  try {
    await store.create(signingSecretKey, new TextEncoder().encode(JSON.stringify(drawn)));
  } catch (error) {
    if (!isFolioError(error) || error.code !== 'already_exists') throw error;
  }
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
