import { Random } from '../../src/model/sampling/random.ts';
import type { Ids } from './encoder.ts';

/** What a corpus is made of: running text, or lines of which each stands by itself. */
export type CorpusKind = 'text' | 'lines';

/** Share of the text that is held out. */
const HELD_OUT = 0.1;
/** Of one line that is repeated so often that it is never held out. */
const TOO_MUCH = HELD_OUT / 2;
const SEED = 1; // of the order, for every training alike: what is held out must not follow a training's own seed

/** A corpus of lines in another order. */
export interface ShuffledLines {
  /** The whole text, [characters]; each line ends with a newline, the last one too. Empty lines are left out. */
  readonly ids: Ids;
  /** Where the held-out tenth begins: at a line. */
  readonly heldOutStart: number;
}

/**
 * Shuffles the lines of a corpus, and holds out about a tenth of them: which ones follows from what stands in them. So
 * every copy of a line is on the same side, a line keeps its side when others are added, and a list in order
 * is not judged on other letters than it learnt. The same text gives the same order.
 *
 * @param ids [characters] @param alphabet In id order.
 */
export const shuffleLines = (ids: Ids, alphabet: readonly string[]): ShuffledLines => {
  const newline = alphabet.indexOf('\n');
  const { starts, ends } = linesOf(ids, newline);
  const hashes = Float64Array.from(starts, (start, line) => hashOf(ids, start, ends[line]!, alphabet));
  const length = (line: number) => ends[line]! - starts[line]! + 1;
  const total = starts.reduce((sum, _, line) => sum + length(line), 0);
  const byHash = Uint32Array.from(starts, (_, line) => line).sort((a, b) => hashes[b]! - hashes[a]! || a - b);
  const isHeldOut = new Uint8Array(starts.length);
  let heldOut = 0; // characters
  for (let from = 0; from < byHash.length && heldOut < HELD_OUT * total; ) {
    let to = from;
    let group = 0; // characters in copies of one line
    while (to < byHash.length && hashes[byHash[to]!] === hashes[byHash[from]!])
      group += length(byHash[to++]!);
    if (group <= TOO_MUCH * total) {
      for (let at = from; at < to; at++) isHeldOut[byHash[at]!] = 1;
      heldOut += group;
    }
    from = to;
  }
  const order = shuffled(byHash.sort());
  const into = ids instanceof Uint8Array ? new Uint8Array(total) : new Uint16Array(total);
  let at = 0;
  for (const side of [0, 1])
    for (const line of order) {
      if (isHeldOut[line] !== side) continue;
      into.set(ids.subarray(starts[line]!, ends[line]!), at);
      at += length(line);
      into[at - 1] = newline;
    }
  return { ids: into, heldOutStart: total - heldOut };
};

/** Where each line that is not empty starts, and where its newline stands or would stand. */
const linesOf = (ids: Ids, newline: number): { starts: number[]; ends: number[] } => {
  const starts: number[] = [];
  const ends: number[] = [];
  for (let start = 0; start < ids.length; ) {
    const found = ids.indexOf(newline, start);
    const end = found < 0 ? ids.length : found;
    if (end > start) {
      starts.push(start);
      ends.push(end);
    }
    start = end + 1;
  }
  return { starts, ends };
};

/** FNV-1a over code points, so that an alphabet that grows changes nothing; 53 bits. */
const hashOf = (ids: Ids, start: number, end: number, alphabet: readonly string[]): number => {
  let low = 0x811c9dc5;
  let high = 0x9747b28c;
  for (let at = start; at < end; at++) {
    const code = alphabet[ids[at]!]!.codePointAt(0)!;
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ code, 0x5bd1e995);
    high ^= high >>> 15;
  }
  const mixed = Math.imul(high ^ (low >>> 16), 0x85ebca6b) >>> 0; // the last character reaches every bit
  return mixed * 2 ** 21 + (low >>> 11);
};

/** Fisher and Yates. */
const shuffled = (lines: Uint32Array): Uint32Array => {
  const random = Random.fromSeed(SEED);
  for (let at = lines.length - 1; at > 0; at--) {
    const other = Math.floor(random.uniform() * (at + 1));
    [lines[at], lines[other]] = [lines[other]!, lines[at]!];
  }
  return lines;
};
