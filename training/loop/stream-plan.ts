import { Random } from '../../src/model/sampling/random.ts';
import type { Ids } from '../corpus/encoder.ts';

/** Fresh starts that a training should see: about so many teach a network how a text begins. */
const STARTS = 4000;
/** Chunks between two fresh starts of a stream: the shorter, the less context is carried. */
const LEAST_CHUNKS = 5;
const MOST_CHUNKS = 20;
/** A start is at one of so many next lines by chance: the very next one follows a long line too often. */
const LINES_AHEAD = 8;

export interface StreamPlanSettings {
  /** Streams side by side. */
  readonly batch: number;
  /** Characters a chunk. */
  readonly length: number;
  /** Steps of an epoch. */
  readonly steps: number;
  /** Steps of the whole training. */
  readonly totalSteps: number;
  readonly seed: number;
}

/** Positions in a text of one character, ascending. */
export const positionsOf = (text: Ids, id: number): Uint32Array => {
  let count = 0;
  for (let at = 0; at < text.length; at++) if (text[at] === id) count++;
  const positions = new Uint32Array(count);
  let next = 0;
  for (let at = 0; at < text.length; at++) if (text[at] === id) positions[next++] = at;
  return positions;
};

/**
 * Where the streams of one epoch stand. They run side by side over the text as over a ring that starts elsewhere each
 * epoch. Generation begins with a state of zeros that is fed a newline; so that a network learns what follows, a
 * stream begins anew every few chunks: from zeros, at one of the next eight newlines by chance, which is the first
 * character that it is fed. Streams take turns in this, so that loss and gradients stay even from step to step.
 * Where no newline is near, a stream goes on from where it stands.
 *
 * Everything follows from seed, epoch and step: a checkpoint needs to know no more.
 */
export class StreamPlan {
  readonly #settings: StreamPlanSettings;
  readonly #chunks: number; // between two starts of a stream
  readonly #segments: number; // of a stream
  readonly #places: Float64Array; // [batch * segments], in the text
  readonly #fresh: Uint8Array; // [batch * segments], 1 where the state is zeros

  /**
   * @param size Characters of the text.
   * @param lineStarts Positions of the character that generation feeds first, ascending; may be empty.
   * @param epoch From 0.
   */
  constructor(size: number, lineStarts: Uint32Array, settings: StreamPlanSettings, epoch: number) {
    const { batch, length, steps, totalSteps, seed } = settings;
    this.#settings = settings;
    this.#chunks = Math.max(LEAST_CHUNKS, Math.min(MOST_CHUNKS, Math.floor((batch * totalSteps) / STARTS)));
    this.#segments = Math.floor((steps + this.#chunks - 2) / this.#chunks) + 1;
    this.#places = new Float64Array(batch * this.#segments);
    this.#fresh = new Uint8Array(batch * this.#segments);
    const random = Random.fromSeed(seed, epoch);
    const offset = Math.floor(random.uniform() * size);
    const stream = Math.floor(size / batch);
    const reach = reachOf(this.#chunks * length, size / Math.max(1, lineStarts.length));
    for (let b = 0; b < batch; b++) {
      for (let segment = 0; segment < this.#segments; segment++) {
        const first = this.#firstStep(b, segment);
        const regular = (offset + b * stream + first * length) % size;
        const line = nextLine(lineStarts, regular, reach, size, random.uniform());
        const at = b * this.#segments + segment;
        const before =
          segment > 0 && this.#places[at - 1]! + (first - this.#firstStep(b, segment - 1)) * length;
        this.#places[at] = line ?? (before === false ? regular : before);
        this.#fresh[at] = Number(line !== undefined || segment === 0);
      }
    }
  }

  /** Where stream `b` reads at a step: not yet taken round the ring. */
  place(b: number, step: number): number {
    const segment = this.#segmentAt(b, step);
    const { length } = this.#settings;
    return this.#places[b * this.#segments + segment]! + (step - this.#firstStep(b, segment)) * length;
  }

  /** Whether stream `b` begins anew, from a state of zeros, at a step. */
  begins(b: number, step: number): boolean {
    const segment = this.#segmentAt(b, step);
    return step === this.#firstStep(b, segment) && this.#fresh[b * this.#segments + segment] === 1;
  }

  #segmentAt(b: number, step: number): number {
    return Math.floor((step + (b % this.#chunks)) / this.#chunks);
  }

  #firstStep(b: number, segment: number): number {
    return Math.max(0, segment * this.#chunks - (b % this.#chunks));
  }
}

/**
 * Characters within which a start is looked for: eight lines of the mean length. Where lines are too long for a stream
 * to read them between two starts, no farther than it reads, or the ends of lines would never be trained on.
 */
const reachOf = (segment: number, meanLine: number): number =>
  meanLine > segment / 2 ? segment : Math.max(segment, LINES_AHEAD * meanLine);

/** One of the next lines at or after a place, chosen by `chance` in [0, 1); none where none begins within reach. */
const nextLine = (
  lineStarts: Uint32Array,
  place: number,
  reach: number,
  size: number,
  chance: number,
): number | undefined => {
  const count = lineStarts.length;
  const first = firstAtOrAfter(lineStarts, place);
  let near = 0;
  for (; near < Math.min(LINES_AHEAD, count); near++) {
    const index = first + near;
    const position = lineStarts[index % count]! + (index >= count ? size : 0);
    if (position - place >= reach) break;
  }
  return near === 0 ? undefined : lineStarts[(first + Math.floor(chance * near)) % count]!;
};

const firstAtOrAfter = (sorted: Uint32Array, value: number): number => {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
};
