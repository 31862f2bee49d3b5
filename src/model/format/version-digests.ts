import { FolioError } from '../../errors.ts';
import { type Hash, hexOf } from './digest.ts';

/** Length, SHA-256 and CRC-32 of every other file of the version. */
export const digestsFile = 'digests.json';

interface FileDigest {
  readonly bytes: number;
  readonly sha256: string; // 64 hexadecimal digits
  /** 8 hexadecimal digits; absent where the publisher's host had no native CRC-32. */
  readonly crc32?: string;
}

/** What files are checked with. */
export interface Checks {
  readonly sha256: Hash;
  /** CRC-32, where the host has a native one: it finds any damage as well, 2^-32 of all cases excepted, and sooner. */
  readonly crc32?: ((bytes: Uint8Array) => number | undefined) | undefined;
}

/**
 * The length, SHA-256 and CRC-32 of every file of a version, kept beside them as `digests.json` and checked whenever one of
 * them is read. The file is written in one form only and carries a digest of itself, so that damage to it is found too.
 */
export class VersionDigests {
  readonly #files: ReadonlyMap<string, FileDigest>;
  readonly #checks: Checks;
  /** What this was read from, while nobody knows whether it is as it was written. */
  #unverified: Uint8Array | undefined;

  private constructor(files: ReadonlyMap<string, FileDigest>, checks: Checks, unverified?: Uint8Array) {
    this.#files = files;
    this.#checks = checks;
    this.#unverified = unverified;
  }

  /** @param files Of the version, by name. */
  static of(files: ReadonlyMap<string, Uint8Array>, checks: Checks): VersionDigests {
    const names = [...files.keys()].filter((file) => file !== digestsFile).sort();
    return new VersionDigests(
      new Map(
        names.map((file) => {
          const bytes = files.get(file)!;
          const crc32 = crcOf(bytes, checks);
          const digest = { bytes: bytes.length, sha256: hexOf(checks.sha256([bytes])) };
          return [file, crc32 === undefined ? digest : { ...digest, crc32 }];
        }),
      ),
      checks,
    );
  }

  /**
   * With a native CRC-32, damage to the file itself is looked for only when a file is not what it says: what damage leaves
   * as it was published may be used.
   *
   * @param where The version, for the message.
   * @throws FolioError `model_damaged`
   */
  static parse(bytes: Uint8Array, where: string, checks: Checks): VersionDigests {
    let digests: VersionDigests;
    try {
      const { files } = JSON.parse(new TextDecoder().decode(bytes)) as { files: Record<string, FileDigest> };
      digests = new VersionDigests(new Map(Object.entries(files)), checks, bytes);
    } catch {
      throw damagedDigests(where); // not JSON of this form
    }
    if (checks.crc32 === undefined) digests.#verify(where);
    return digests;
  }

  #verify(where: string): void {
    const read = this.#unverified;
    if (read === undefined) return;
    const written = this.encode();
    if (read.length !== written.length || read.some((byte, i) => byte !== written[i]))
      throw damagedDigests(where);
    this.#unverified = undefined;
  }

  get files(): readonly string[] {
    return [...this.#files.keys()];
  }

  encode(): Uint8Array {
    const files = JSON.stringify(Object.fromEntries(this.#files));
    const digest = hexOf(this.#checks.sha256([new TextEncoder().encode(files)]));
    return new TextEncoder().encode(`{"files":${files},"sha256":"${digest}"}\n`);
  }

  /**
   * @param bytes Of the file; undefined where there is none.
   * @throws FolioError `model_damaged` for other bytes than the published ones
   */
  check(where: string, file: string, bytes: Uint8Array | undefined): void {
    const published = this.#files.get(file);
    if (published === undefined && bytes === undefined) return;
    if (published?.crc32 !== undefined && bytes?.length === published.bytes) {
      if (crcOf(bytes, this.#checks) === published.crc32) return;
    }
    this.#verify(where);
    if (published === undefined) throw damaged(where, file, 'no such file', 'one that was not published');
    if (bytes === undefined) throw damaged(where, file, `${published.bytes} bytes`, 'no file');
    if (bytes.length !== published.bytes) {
      throw damaged(where, file, `${published.bytes} bytes`, `${bytes.length} bytes`);
    }
    const sha256 = hexOf(this.#checks.sha256([bytes]));
    if (sha256 !== published.sha256) {
      throw damaged(where, file, `SHA-256 ${published.sha256}`, sha256);
    }
  }
}

const crcOf = (bytes: Uint8Array, { crc32 }: Checks): string | undefined =>
  crc32?.(bytes)?.toString(16).padStart(8, '0');

const damagedDigests = (where: string): FolioError =>
  damaged(where, digestsFile, 'the digests as they were published', 'other bytes');

/** @param where NAME@VERSION, or a folder. */
export const damaged = (where: string, file: string, expected: string, received: string): FolioError =>
  new FolioError(
    'model_damaged',
    `${where} is damaged: ${file}: expected ${expected}, received ${received}. ` +
      'Publish it again, or activate another version.',
    { where: file, expected, received },
  );
