import { describeValue, FolioError } from '../../errors.ts';
import { isObject } from '../format/invalid.ts';
import type { Precision } from '../stepper.ts';

/** Which model a state belongs to. */
export interface StateOwner {
  readonly name?: string;
  readonly version?: string;
  readonly digest: string;
  readonly precision: Precision;
}

/** A sequence's place in a text, as a value. */
export interface Snapshot {
  /** The recurrent state before `last` is fed: [stateLength]. */
  readonly hidden: Float32Array;
  /** The text's last character, not fed yet; undefined before the first. */
  readonly last: number | undefined;
  /** What a completion carries besides; a bare sequence has none of it. */
  readonly decoder?: DecoderState | undefined;
}

export interface DecoderState {
  /** What the generator was seeded with, 0 .. 2^53-1. */
  readonly seed: number;
  /** Of `Random`: [4]. */
  readonly random: readonly number[];
  /** Pairs of a character's id and how often it was generated. */
  readonly generated: readonly (readonly [id: number, count: number])[];
  /** Ids that stood in prompts. */
  readonly prompted: readonly number[];
  /** The end of the generated text: what stop strings and the copy guard may still need. */
  readonly tail: string;
  /** Ids of the last characters, those of prompts included, where the DRY penalty looks back at them. */
  readonly recent?: readonly number[] | undefined;
  /** A `SavedPattern`: where the text stands in its pattern, if it has one. It is checked when it is gone on from. */
  readonly pattern?: unknown;
}

const MAGIC = 0x73_6c_6f_66; // 'fols', little-endian
const FORMAT = 1;
const PREFIX = 16; // bytes: magic, format, length of the header, checksum of all that follows
const MOST_HEADER = 2 ** 24;

/** `fols`, format, header length, checksum; the header in JSON, which names model and version; then float32s. */
export const encodeState = (snapshot: Snapshot, owner: StateOwner): Uint8Array => {
  const { name, version, digest, precision } = owner;
  const header = new TextEncoder().encode(
    JSON.stringify({ model: name, version, digest, precision, last: snapshot.last, ...snapshot.decoder }),
  );
  const { hidden } = snapshot;
  const bytes = new Uint8Array(PREFIX + header.length + 4 * hidden.length);
  bytes.set(header, PREFIX);
  const view = new DataView(bytes.buffer);
  hidden.forEach((value, i) => {
    view.setFloat32(PREFIX + header.length + 4 * i, value, true);
  });
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, FORMAT, true);
  view.setUint32(8, header.length, true);
  view.setUint32(12, checksum(bytes.subarray(PREFIX)), true);
  return bytes;
};

/**
 * @param vocabulary What ids are checked against.
 * @throws FolioError `state_mismatch` for bytes that are damaged, or another model's
 */
export const decodeState = (
  bytes: Uint8Array,
  owner: StateOwner,
  stateLength: number,
  vocabulary: number,
): Snapshot => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < PREFIX || view.getUint32(0, true) !== MAGIC) throw damaged('no state of a model');
  if (view.getUint32(4, true) !== FORMAT) throw damaged(`a state of format ${view.getUint32(4, true)}`);
  const length = view.getUint32(8, true);
  if (length > MOST_HEADER || length > bytes.length - PREFIX) throw damaged('a state cut short');
  if (view.getUint32(12, true) !== checksum(bytes.subarray(PREFIX))) throw damaged('a damaged state');
  const header = parseHeader(bytes.subarray(PREFIX, PREFIX + length));
  if (header.digest !== owner.digest) {
    throw mismatch(`of ${nameOf(owner)}`, `of ${nameOf({ name: header.model, version: header.version })}`);
  }
  if (header.precision !== owner.precision) {
    throw mismatch(`in ${owner.precision}`, `in ${describeValue(header.precision)}`);
  }
  if (bytes.length - PREFIX - length !== 4 * stateLength) throw damaged('a state of another length');
  const hidden = Float32Array.from({ length: stateLength }, (_, i) =>
    view.getFloat32(PREFIX + length + 4 * i, true),
  );
  if (!hidden.every(Number.isFinite)) throw damaged('a state with values that are not finite');
  const isId = (id: unknown): id is number =>
    Number.isInteger(id) && (id as number) >= 0 && (id as number) < vocabulary;
  const { last } = header;
  if (last !== undefined && !isId(last)) throw damaged('a damaged state');
  if (header.random === undefined) return { hidden, last };
  return { hidden, last, decoder: readDecoderState(header, isId) };
};

const parseHeader = (bytes: Uint8Array): Readonly<Record<string, unknown>> => {
  try {
    const header: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (isObject(header)) return header;
  } catch {
    // reported below
  }
  throw damaged('a damaged state');
};

const readDecoderState = (
  { seed, random, generated, prompted, tail, recent, pattern }: Readonly<Record<string, unknown>>,
  isId: (id: unknown) => id is number,
): DecoderState => {
  const isCount = (count: unknown): boolean => Number.isInteger(count) && (count as number) > 0;
  const isPair = (pair: unknown): pair is [number, number] =>
    Array.isArray(pair) && pair.length === 2 && isId(pair[0]) && isCount(pair[1]);
  const isWord = (word: unknown): word is number =>
    Number.isInteger(word) && (word as number) >= 0 && (word as number) < 2 ** 32;
  if (
    !Number.isSafeInteger(seed) ||
    (seed as number) < 0 ||
    !Array.isArray(random) ||
    random.length !== 4 ||
    !random.every(isWord) ||
    !random.some((word) => word !== 0) ||
    !Array.isArray(generated) ||
    !generated.every(isPair) ||
    !Array.isArray(prompted) ||
    !prompted.every(isId) ||
    typeof tail !== 'string' ||
    !(recent === undefined || (Array.isArray(recent) && recent.every(isId)))
  ) {
    throw damaged('a damaged state');
  }
  return { seed: seed as number, random, generated, prompted, tail, recent, pattern };
};

const nameOf = ({ name, version }: { name?: unknown; version?: unknown }): string =>
  name === undefined
    ? 'a model without a name'
    : `${String(name)}${version === undefined ? '' : `@${String(version)}`}`;

const damaged = (received: string): FolioError =>
  new FolioError('state_mismatch', `Expected a state that this model saved, received ${received}.`, {
    where: 'state',
    expected: 'a state that this model saved',
    received,
  });

const mismatch = (expected: string, received: string): FolioError =>
  new FolioError('state_mismatch', `Expected a state ${expected}, received one ${received}.`, {
    where: 'state',
    expected: `a state ${expected}`,
    received: `a state ${received}`,
  });

/** FNV-1a, 32 bits: against damage, not against forgery. */
const checksum = (bytes: Uint8Array): number => {
  let h = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) h = Math.imul(h ^ bytes[i]!, 0x01000193);
  return h >>> 0;
};
