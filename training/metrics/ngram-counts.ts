import type { Ids } from '../corpus/encoder.ts';

/**
 * All contexts of one length in a text, and what follows each: a level of a trie in arrays, in which every context is followed by those that
 * are longer by one character, as by the grams that end in it.
 */
export class ContextLevel {
  contexts = 0;
  grams = 0;
  /** First character of each context: [contexts]. In ascending order among those that are longer by it than the same context. */
  before = new Uint16Array(16);
  /** First of the next level's contexts that are longer than each: [contexts + 1]. */
  firstLonger = new Uint32Array(16);
  /** First of the grams that begin with each context: [contexts + 1]. */
  firstGram = new Uint32Array(16);
  /** Sum of the counts of each context's grams: [contexts]. */
  totals = new Uint32Array(16);
  /** Last character of each gram, in ascending order for each context: [grams]. */
  ids = new Uint16Array(16);
  /** Before how many different characters each gram stands; of the longest grams how often: [grams]. */
  counts = new Uint32Array(16);
  /** How often each gram stands: [grams]. */
  occurring = new Uint32Array(16);

  /** The context of the next level that has `id` before this one; -1 where it does not stand in the text. */
  longer(context: number, id: number, next: ContextLevel): number {
    return find(next.before, this.firstLonger[context]!, this.firstLonger[context + 1]!, id);
  }

  /** The gram that ends with a character; -1 where there is none. */
  gram(context: number, id: number): number {
    return find(this.ids, this.firstGram[context]!, this.firstGram[context + 1]!, id);
  }

  occursOnce(context: number, id: number): boolean {
    return this.occurring[this.gram(context, id)] === 1;
  }

  /** How often something follows each context: [contexts]. */
  occurrences(): Uint32Array {
    const sums = new Uint32Array(this.contexts);
    for (let context = 0; context < this.contexts; context++)
      for (let gram = this.firstGram[context]!; gram < this.firstGram[context + 1]!; gram++)
        sums[context]! += this.occurring[gram]!;
    return sums;
  }

  /** Adds a context, whose grams and longer contexts were the last to be added. */
  addContext(before: number, firstGram: number, firstLonger: number, total: number): void {
    if (this.contexts === this.before.length) {
      this.before = resized(this.before, 2 * this.contexts);
      this.firstLonger = resized(this.firstLonger, 2 * this.contexts);
      this.firstGram = resized(this.firstGram, 2 * this.contexts);
      this.totals = resized(this.totals, 2 * this.contexts);
    }
    this.before[this.contexts] = before;
    this.firstGram[this.contexts] = firstGram;
    this.firstLonger[this.contexts] = firstLonger;
    this.totals[this.contexts] = total;
    this.contexts++;
  }

  addGram(id: number, count: number, occurring: number): void {
    if (this.grams === this.ids.length) {
      this.ids = resized(this.ids, 2 * this.grams);
      this.counts = resized(this.counts, 2 * this.grams);
      this.occurring = resized(this.occurring, 2 * this.grams);
    }
    this.ids[this.grams] = id;
    this.counts[this.grams] = count;
    this.occurring[this.grams] = occurring;
    this.grams++;
  }

  /** Ends the lists, and gives back what they did not need. @param longerContexts Of the next level. */
  close(longerContexts: number): void {
    this.before = resized(this.before, this.contexts);
    this.firstLonger = resized(this.firstLonger, this.contexts + 1);
    this.firstGram = resized(this.firstGram, this.contexts + 1);
    this.firstLonger[this.contexts] = longerContexts;
    this.firstGram[this.contexts] = this.grams;
    this.totals = resized(this.totals, this.contexts);
    this.ids = resized(this.ids, this.grams);
    this.counts = resized(this.counts, this.grams);
    this.occurring = resized(this.occurring, this.grams);
  }
}

/** Grams that are being counted for one context of each length. */
interface OpenContext {
  readonly counts: Uint32Array; // [vocabulary]
  readonly occurring: Uint32Array; // [vocabulary]
  readonly seen: Uint16Array; // ids that occur, as they come: [vocabulary]
  types: number;
  firstLonger: number;
}

/**
 * Counts the grams of a text up to a length. Its places are sorted by the characters before them, the nearest first, so that each context's places lie
 * side by side.
 *
 * @returns By length of the context, 0 to order - 1.
 */
export const contextLevels = (text: Ids, vocabulary: number, order: number): readonly ContextLevel[] => {
  const places = sortedPlaces(text, vocabulary, order);
  const levels = Array.from({ length: order }, () => new ContextLevel());
  const open = Array.from(
    { length: order },
    (): OpenContext => ({
      ...{ counts: new Uint32Array(vocabulary), occurring: new Uint32Array(vocabulary) },
      ...{ seen: new Uint16Array(vocabulary), types: 0, firstLonger: 0 },
    }),
  );
  /** Ends the contexts before a place that are longer than `kept`, and counts them in the shorter ones. */
  const close = (place: number, kept: number): void => {
    for (let length = order - 1; length > kept; length--) {
      const { counts, occurring, seen, types, firstLonger } = open[length]!;
      const shorter = open[length - 1];
      const isWhole = length <= place; // the text may begin within it
      const level = levels[length]!;
      const firstGram = level.grams;
      let total = 0;
      for (const id of seen.subarray(0, types).sort()) {
        if (isWhole) level.addGram(id, counts[id]!, occurring[id]!);
        if (shorter !== undefined) {
          if (shorter.occurring[id] === 0) shorter.seen[shorter.types++] = id;
          shorter.occurring[id]! += occurring[id]!;
          if (isWhole) shorter.counts[id]!++;
        }
        total += counts[id]!;
        counts[id] = 0;
        occurring[id] = 0;
      }
      if (isWhole) level.addContext(length > 0 ? text[place - length]! : 0, firstGram, firstLonger, total);
      open[length]!.types = 0;
      open[length]!.firstLonger = levels[length + 1]?.contexts ?? 0;
    }
  };
  const longest = open[order - 1]!;
  for (let at = 0; at < places.length; at++) {
    const place = places[at]!;
    if (at > 0) close(places[at - 1]!, alike(text, places[at - 1]!, place, order - 1));
    const id = text[place]!;
    if (longest.occurring[id] === 0) longest.seen[longest.types++] = id;
    longest.occurring[id]!++;
    longest.counts[id]!++;
  }
  if (places.length > 0) close(places.at(-1)!, -1);
  for (const [length, level] of levels.entries()) level.close(levels[length + 1]?.contexts ?? 0);
  return levels;
};

/** Places of a text by the character before them, then by that before it, and so on, and by their own last. */
const sortedPlaces = (text: Ids, vocabulary: number, order: number): Uint32Array => {
  let places = Uint32Array.from(text, (_, at) => at);
  let sorted = new Uint32Array(text.length);
  const starts = new Uint32Array(vocabulary + 2); // of ids; the last one stands before the text's beginning
  for (let back = order; back > 0; back--) {
    const distance = back % order; // the character itself first, then from the farthest on
    const idAt = (place: number) => (place < distance ? vocabulary : text[place - distance]!);
    starts.fill(0);
    for (let at = 0; at < text.length; at++) starts[idAt(at) + 1]!++;
    for (let id = 0; id <= vocabulary; id++) starts[id + 1]! += starts[id]!;
    for (const place of places) sorted[starts[idAt(place)]!++] = place;
    [places, sorted] = [sorted, places];
  }
  return places;
};

/** How many characters before two places are the same, at most so many; the text's beginning is like nothing. */
const alike = (text: Ids, a: number, b: number, most: number): number => {
  let same = 0;
  while (same < most && same < a && same < b && text[a - same - 1] === text[b - same - 1]) same++;
  return same;
};

/** Where an id stands in a part of a list in ascending order; -1 where it does not. */
const find = (ids: Uint16Array, from: number, to: number, id: number): number => {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ids[middle]! < id) low = middle + 1;
    else high = middle;
  }
  return low < to && ids[low] === id ? low : -1;
};

/** The same values in a list of another length. */
const resized = <List extends Uint16Array | Uint32Array>(list: List, length: number): List => {
  const made = new (list.constructor as new (length: number) => List)(length);
  made.set(list.subarray(0, length));
  return made;
};
