import type { Hash } from '../model/format/digest.ts';
import type { Checks } from '../model/format/version-digests.ts';

/** Node's own SHA-256; its module is loaded when the first digest is asked for, not at the start. */
export const nativeSha256: Hash = (parts) => {
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** Every byte by SHA-256: for what is published, copied, activated or verified. */
export const fullChecks: Checks = { sha256: nativeSha256 };

/**
 * By CRC-32 where it was published: for what is opened to run. Loading `node:crypto` and hashing a small model take as long as
 * all else that is done with its files. Node has it from 22.2 on.
 */
export const quickChecks: Checks = {
  sha256: nativeSha256,
  crc32: (bytes) => process.getBuiltinModule('node:zlib').crc32?.(bytes),
};
