import type { Hash } from '../model/format/digest.ts';

/** Node's own SHA-256; its module is loaded when the first digest is asked for, not at the start. */
export const nativeSha256: Hash = (parts) => {
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
