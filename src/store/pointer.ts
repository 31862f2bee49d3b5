import { FolioError } from '../errors.ts';
import { isModelName } from './model-name.ts';

/** `current.json`, the one object of a model that changes: which version is current. */
export const encodePointer = (version: string): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify({ version })}\n`);

/**
 * @param where Of the pointer, for the message.
 * @returns the version that is current
 * @throws FolioError `model_invalid`
 */
export function parsePointer(bytes: Uint8Array, where: string): string {
  const text = new TextDecoder().decode(bytes);
  try {
    const pointer: unknown = JSON.parse(text);
    if (typeof pointer === 'object' && pointer !== null && Object.keys(pointer).join() === 'version') {
      const { version } = pointer as { version: unknown };
      if (typeof version === 'string' && isModelName(version)) return version;
    }
  } catch {
    // not JSON: the error below says what was found
  }
  throw new FolioError(
    'model_invalid',
    `${where} does not say which version is current; activate a version to mend it.`,
    {
      where,
      expected: '{"version":"…"}',
      received: JSON.stringify(text.slice(0, 80)),
    },
  );
}
