import { FolioError } from '../../errors.ts';
import { type Hash, hexOf } from './digest.ts';
import { sha256 as plainSha256 } from './sha256.ts';

/** SHA-256 of every other file of the version. */
export const digestsFile = 'digests.json';

interface FileDigest {
  readonly bytes: number;
  readonly sha256: string; // 64 hexadecimal digits
}

/**
 * The length and SHA-256 of every file of a version, kept beside them as `digests.json` and checked whenever one of
 * them is read. The file is written in one form only and carries a digest of itself, so that damage to it is found too.
 */
export class VersionDigests {
  readonly #files: ReadonlyMap<string, FileDigest>;
  readonly #hash: Hash;

  private constructor(files: ReadonlyMap<string, FileDigest>, hash: Hash) {
    this.#files = files;
    this.#hash = hash;
  }

  /** @param files Of the version, by name. */
  static of(files: ReadonlyMap<string, Uint8Array>, hash: Hash = plainSha256): VersionDigests {
    const names = [...files.keys()].filter((file) => file !== digestsFile).sort();
    return new VersionDigests(
      new Map(
        names.map((file) => {
          const bytes = files.get(file)!;
          return [file, { bytes: bytes.length, sha256: hexOf(hash([bytes])) }];
        }),
      ),
      hash,
    );
  }

  /**
   * @param where The version, for the message.
   * @throws FolioError `model_damaged`
   */
  static parse(bytes: Uint8Array, where: string, hash: Hash = plainSha256): VersionDigests {
    try {
      const { files } = JSON.parse(new TextDecoder().decode(bytes)) as { files: Record<string, FileDigest> };
      const digests = new VersionDigests(new Map(Object.entries(files)), hash);
      const written = digests.encode();
      if (bytes.length === written.length && bytes.every((byte, i) => byte === written[i])) return digests;
    } catch {
      // not JSON of this form: damaged, as below
    }
    throw damaged(where, digestsFile, 'the digests as they were published', 'other bytes');
  }

  get files(): readonly string[] {
    return [...this.#files.keys()];
  }

  encode(): Uint8Array {
    const files = JSON.stringify(Object.fromEntries(this.#files));
    const digest = hexOf(this.#hash([new TextEncoder().encode(files)]));
    return new TextEncoder().encode(`{"files":${files},"sha256":"${digest}"}\n`);
  }

  /**
   * @param bytes Of the file; undefined where there is none.
   * @throws FolioError `model_damaged` for other bytes than the published ones
   */
  check(where: string, file: string, bytes: Uint8Array | undefined): void {
    const published = this.#files.get(file);
    if (published === undefined && bytes === undefined) return;
    if (published === undefined) throw damaged(where, file, 'no such file', 'one that was not published');
    if (bytes === undefined) throw damaged(where, file, `${published.bytes} bytes`, 'no file');
    if (bytes.length !== published.bytes) {
      throw damaged(where, file, `${published.bytes} bytes`, `${bytes.length} bytes`);
    }
    const sha256 = hexOf(this.#hash([bytes]));
    if (sha256 !== published.sha256) {
      throw damaged(where, file, `SHA-256 ${published.sha256}`, sha256);
    }
  }
}

/** @param where NAME@VERSION, or a folder. */
export const damaged = (where: string, file: string, expected: string, received: string): FolioError =>
  new FolioError(
    'model_damaged',
    `${where} is damaged: ${file}: expected ${expected}, received ${received}. ` +
      'Publish it again, or activate another version.',
    { where: file, expected, received },
  );
