import { unzipSync } from 'fflate';
import { invalid, phrase } from '../model/format/invalid.ts';

export const isZip = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;

/** More than any model's archive has. */
const MOST_ENTRIES = 65_535;
/** Deflate cannot make more of a byte. */
const MOST_PER_BYTE = 1032;

/**
 * The files of a zip archive by their names.
 *
 * @param wanted Which of them to unpack. @throws FolioError `model_invalid` for an archive that is damaged or whose
 * sizes lie
 */
export const unzip = (
  bytes: Uint8Array,
  where: string,
  wanted: (name: string) => boolean,
): ReadonlyMap<string, Uint8Array> => {
  let entries = 0;
  let total = 0;
  const faulty = (received: string): Error => invalid(where, 'a whole zip archive', phrase(received));
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, {
      filter: ({ name, size, originalSize, compression }) => {
        if (++entries > MOST_ENTRIES) throw faulty(`more than ${MOST_ENTRIES} files`);
        if (!wanted(name)) return false;
        total += originalSize;
        const most = compression === 0 ? size : size * MOST_PER_BYTE;
        if (size > bytes.length || originalSize > most || total > bytes.length * MOST_PER_BYTE) {
          throw faulty(`${name} of ${originalSize} bytes in ${size}`);
        }
        return true;
      },
    });
  } catch (error) {
    if (error instanceof Error && error.name === 'FolioError') throw error;
    throw faulty(error instanceof Error ? error.message : 'a damaged one');
  }
  return new Map(Object.entries(files));
};
