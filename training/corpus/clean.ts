/**
 * How a text is prepared before its characters are counted: `plain` keeps it as it is; `tutorial` is the tutorial's
 * own way: lower case, and letters and digits alone, except that each run of anything else becomes one space, where
 * the tutorial ran the words together.
 */
export type Preparation = 'plain' | 'tutorial';

const TAB = 9;
const LINE_FEED = 10;
const RETURN = 13;
const SPACE = 32;
const BYTE_ORDER_MARK = 0xfeff;

/**
 * Cleans a corpus block by block, in place. Byte order marks at the start of a file go; CR LF and lone CR become LF;
 * control characters (C0 but tab and line feed, DEL, C1) go. What was changed is counted.
 */
export class Cleaner {
  readonly #preparation: Preparation;
  #fileStart = true;
  #afterReturn = false;
  #last = LINE_FEED;
  /** Of the tutorial's preparation: the text ends with a space, or has not begun. */
  #gap = true;

  byteOrderMarks = 0;
  readonly newlines = { lf: 0, crlf: 0, cr: 0 };
  /** Removed control characters by code point. */
  readonly controls = new Map<number, number>();

  constructor(preparation: Preparation = 'plain') {
    this.#preparation = preparation;
  }

  /** Whether the text so far lacks a newline at its end. */
  get unended(): boolean {
    return this.#last !== LINE_FEED;
  }

  /** Says that a new file begins. */
  nextFile(): void {
    this.#fileStart = true;
    this.#afterReturn = false;
  }

  /** @param block Code points, of which the first `length` count. @returns how many are left, at its start */
  clean(block: Uint32Array, length: number): number {
    let kept = 0;
    for (let at = 0; at < length; at++) {
      const code = block[at]!;
      if (code < SPACE || code >= 0x7f) {
        if (code === LINE_FEED) {
          if (this.#afterReturn) {
            this.#afterReturn = false;
            this.newlines.cr--;
            this.newlines.crlf++;
            continue; // its CR has become the newline
          }
          this.newlines.lf++;
        } else if (code === RETURN) {
          this.newlines.cr++;
          this.#afterReturn = true;
          this.#fileStart = false;
          block[kept++] = LINE_FEED;
          continue;
        } else if (code === BYTE_ORDER_MARK && this.#fileStart) {
          this.byteOrderMarks++;
          this.#fileStart = false;
          continue;
        } else if (code <= 0x9f && code !== TAB) {
          this.controls.set(code, (this.controls.get(code) ?? 0) + 1);
          continue;
        }
      }
      this.#fileStart = false;
      this.#afterReturn = false;
      block[kept++] = code;
    }
    if (kept > 0) this.#last = block[kept - 1]!;
    return this.#preparation === 'tutorial' ? this.#simplify(block, kept) : kept;
  }

  #simplify(block: Uint32Array, length: number): number {
    let kept = 0;
    for (let at = 0; at < length; at++) {
      const plain = lowerLetterOrDigit(block[at]!);
      if (plain === 0 && this.#gap) continue;
      this.#gap = plain === 0;
      block[kept++] = this.#gap ? SPACE : plain;
    }
    return kept;
  }
}

const lowerLetterOrDigit = (code: number): number => {
  if (code < 128) {
    if ((code >= 97 && code <= 122) || (code >= 48 && code <= 57)) return code;
    return code >= 65 && code <= 90 ? code + 32 : 0;
  }
  const character = String.fromCodePoint(code);
  return /[\p{L}\p{M}\p{N}]/u.test(character) ? character.toLowerCase().codePointAt(0)! : 0;
};
