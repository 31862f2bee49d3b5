/** A kind of file that is often taken for a text. */
interface FileKind {
  readonly name: string;
  readonly advice: string;
  /** Whether a file begins so. */
  readonly matches: (start: Uint8Array) => boolean;
}

/** A byte a character; what a TextDecoder calls latin1 is Windows-1252. */
const latin1 = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
const startsWith =
  (...signatures: readonly string[]) =>
  (start: Uint8Array): boolean =>
    signatures.some((signature) => latin1(start.subarray(0, signature.length)) === signature);
/** A zip archive, the start of which names one of these files. */
const zipOf =
  (...names: readonly string[]) =>
  (start: Uint8Array): boolean => {
    if (!startsWith('PK\x03\x04')(start)) return false;
    const text = latin1(start.subarray(0, 65_536));
    return names.some((name) => text.includes(name));
  };

/** The first that matches counts. */
const kinds: readonly FileKind[] = [
  {
    name: 'a PDF file',
    advice: 'take its text out, as with `pdftotext`',
    matches: startsWith('%PDF-'),
  },
  {
    name: 'a Word document (DOCX)',
    advice: 'save it as plain text in UTF-8, or use `pandoc -t plain`',
    matches: zipOf('word/document.xml', 'word/'),
  },
  {
    name: 'an e-book (EPUB)',
    advice: 'take its text out, as with `pandoc -t plain`',
    matches: zipOf('application/epub+zip'),
  },
  {
    name: 'an OpenDocument text (ODT)',
    advice: 'save it as plain text in UTF-8, or use `pandoc -t plain`',
    matches: zipOf('application/vnd.oasis.opendocument'),
  },
  {
    name: 'a spreadsheet (XLSX)',
    advice: 'save it as CSV in UTF-8 and keep the column of text',
    matches: zipOf('xl/workbook.xml', 'xl/'),
  },
  {
    name: 'a zip archive',
    advice: 'unpack it with `unzip`',
    matches: startsWith('PK\x03\x04', 'PK\x05\x06'),
  },
  { name: 'a gzip file', advice: 'unpack it with `gunzip`', matches: startsWith('\x1f\x8b') },
  { name: 'a bzip2 file', advice: 'unpack it with `bunzip2`', matches: startsWith('BZh') },
  { name: 'an xz file', advice: 'unpack it with `unxz`', matches: startsWith('\xfd7zXZ\0') },
  { name: 'a Zstandard file', advice: 'unpack it with `unzstd`', matches: startsWith('\x28\xb5\x2f\xfd') },
  { name: 'a 7z archive', advice: 'unpack it with `7z x`', matches: startsWith('7z\xbc\xaf\x27\x1c') },
  {
    name: 'an SQLite database',
    advice: 'write its text out with `sqlite3 FILE "SELECT column FROM table"`',
    matches: startsWith('SQLite format 3\0'),
  },
  {
    name: 'an RTF document',
    advice: 'save it as plain text in UTF-8, or use `pandoc -t plain`',
    matches: startsWith('{\\rtf'),
  },
  {
    name: 'an old Office document',
    advice: 'save it as plain text in UTF-8',
    matches: startsWith('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'),
  },
  { name: 'a PNG image', advice: 'a corpus is text', matches: startsWith('\x89PNG\r\n') },
  { name: 'a JPEG image', advice: 'a corpus is text', matches: startsWith('\xff\xd8\xff') },
  { name: 'a program', advice: 'a corpus is text', matches: startsWith('\x7fELF', 'MZ\x90\0') },
];

/**
 * What a file is, where its first bytes are those of a well-known kind that is not text.
 *
 * @param start The first bytes, 64 kB or so where there are as many.
 * @returns `a PDF file: take its text out, as with …`
 */
export const fileKind = (start: Uint8Array): string | undefined => {
  const found = kinds.find(({ matches }) => matches(start));
  return found && `${found.name}: ${found.advice}`;
};
