import { FolioError, unexpected } from '../../errors.ts';
import type { GenerateOptions, Model } from '../model.ts';
import type { LineIndex } from './line-index.ts';

export interface LinesOptions extends Omit<GenerateOptions, 'n' | 'stop' | 'minLength' | 'from' | 'prompt'> {
  /** What every line begins with. Default: nothing. */
  readonly prompt?: string;
  /** Lines to write. */
  readonly lines: number;
  /** Characters of a line at most, after the prompt; longer ones are given up. Default 1,000. */
  readonly length?: number;
  /** Lines written side by side at most. Default 32: enough to share each reading of the weights. */
  readonly together?: number;
  /** Only lines that are not in this index, and each of them once. */
  readonly newTo?: LineIndex;
}

const TOGETHER = 32;
const LENGTH = 1000;
/** After so many lines without one that counts, the rest is taken to be out of reach. */
const GIVEN_UP = 1000;

/**
 * Writes whole lines, each from a fresh start as the first line of a text. The same seed gives the same lines.
 *
 * @throws FolioError `invalid_parameter`; `not_found` where the model writes no more lines that count, after those
 * that it did write
 */
export async function* generateLines(model: Model, options: LinesOptions): AsyncGenerator<string, void> {
  const { lines, newTo, together = TOGETHER, prompt = '', length = LENGTH, seed, ...rest } = options;
  if (!Number.isSafeInteger(lines) || lines < 1)
    throw unexpected('invalid_parameter', 'lines', 'a whole number of at least 1', lines);
  if (prompt.includes('\n'))
    throw unexpected('invalid_parameter', 'prompt', 'the beginning of one line, without a newline', prompt);
  const first = seed ?? Math.floor(Math.random() * 2 ** 32);
  const given = new Set<string>();
  let count = 0;
  let inVain = 0; // since the last line that counted
  let tries = 0;
  for (let batch = 0; count < lines; batch++) {
    const n = newTo === undefined ? Math.min(together, lines - count) : together;
    const completions = model.complete({ ...rest, prompt, length, n, stop: ['\n'], seed: first + batch });
    const { choices } = await completions.result();
    for (const { text, finishReason } of choices) {
      if (finishReason === 'aborted') return;
      const line = prompt + text;
      tries++;
      inVain++;
      if (finishReason !== 'stop' || line.trim() === '') continue;
      if (newTo !== undefined && (newTo.has(line) || given.has(line))) continue;
      if (newTo !== undefined) given.add(line);
      inVain = 0;
      count++;
      yield line;
      if (count === lines) return;
    }
    if (inVain >= GIVEN_UP) throw outOfReach(count, lines, tries, newTo !== undefined);
  }
}

const outOfReach = (count: number, lines: number, tries: number, isNew: boolean): FolioError =>
  new FolioError(
    'not_found',
    `${count} of ${lines} lines were found in ${tries} tries, none in the last ${GIVEN_UP}: ` +
      (isNew
        ? 'nearly all that the model writes stands in its corpus. A higher temperature gives more that does not.'
        : 'the model ends no line within its length.'),
    { where: 'lines', expected: `${lines} lines`, received: `${count}` },
  );
