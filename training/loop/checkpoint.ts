import { createHash } from 'node:crypto';
import { FolioError } from '../../src/errors.ts';
import { checkpointKey, checkpointPrefix } from '../../src/store/keys.ts';
import type { Store } from '../../src/store/store.ts';
import type { TrainingEvent } from '../events.ts';
import type { OptimiserState } from './optimiser.ts';

/** Everything that a training is between two steps. What is drawn at random follows from the seed and the step. */
export interface FitState {
  /** Chunks worked through, over all epochs: where the training stands in the text. */
  readonly position: number;
  readonly optimiser: OptimiserState;
  /** h and c of every layer in turn: [batch, units] each; empty at the start of an epoch. */
  readonly recurrent: readonly Float32Array[];
  /** Losses of the epoch under way, summed. */
  readonly epochLoss: number;
  /** Halved at each divergence. */
  readonly rateFactor: number;
  readonly divergences: number;
  readonly best: Best | undefined;
  readonly epochs: readonly EpochLosses[];
  /** Events so far, for the report. */
  readonly events: readonly TrainingEvent[];
  /** Seconds of training so far, over all runs. */
  readonly seconds: number;
}

export interface Best {
  readonly epoch: number;
  readonly loss: number; // of that epoch's training
  readonly validationLoss: number;
  readonly weights: readonly Float32Array[];
}

export interface EpochLosses {
  readonly loss: number;
  readonly validationLoss: number;
}

/** What a checkpoint belongs to: names and values that must be the same for a training to go on from it. */
export type Configuration = Readonly<Record<string, unknown>>;

/** 2: streams begin anew at line starts, and what is drawn comes from another generator than in format 1. */
const FORMAT = 2;

/** Of each configuration its own, so that another training of the same name leaves it alone. */
export const checkpointKeyOf = (name: string, configuration: Configuration): string =>
  checkpointKey(name, digestOf(Buffer.from(JSON.stringify(configuration))).slice(0, 16));

/** [length of head: 4 bytes] [head: JSON] [arrays: float32]; the head carries the arrays' digest. */
export const encodeCheckpoint = (state: FitState, configuration: Configuration): Uint8Array => {
  const arrays: Float32Array[] = [];
  const put = (kept: readonly Float32Array[]) => {
    arrays.push(...kept);
    return kept.map(({ length }) => length);
  };
  const { optimiser, recurrent, best, ...rest } = state;
  const { weights, firstMoments, secondMoments, averages, step } = optimiser;
  const places = {
    ...{ weights: put(weights), firstMoments: put(firstMoments), secondMoments: put(secondMoments) },
    ...{ averages: put(averages), recurrent: put(recurrent), best: put(best?.weights ?? []) },
  };
  const body = Buffer.concat(
    arrays.map((array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength)),
  );
  const kept = best && { epoch: best.epoch, loss: best.loss, validationLoss: best.validationLoss };
  const head = Buffer.from(
    JSON.stringify({
      format: FORMAT,
      digest: digestOf(body),
      configuration,
      step,
      state: rest,
      best: kept,
      places,
    }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  return Buffer.concat([length, head, body]);
};

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/**
 * @throws FolioError `checkpoint_mismatch` for damage, for the format of another version of Folio, or for another corpus
 * or configuration, naming what differs
 */
export const decodeCheckpoint = (bytes: Uint8Array, configuration: Configuration): FitState => {
  const { head, body } = split(bytes);
  const differences = differing(
    head.configuration,
    JSON.parse(JSON.stringify(configuration)) as Configuration,
  );
  if (differences.length > 0) {
    throw new FolioError(
      'checkpoint_mismatch',
      `The checkpoint belongs to another training: ${differences.join('; ')}. Train with --fresh to start anew.`,
      { where: differences[0]!.split(' ', 1)[0] },
    );
  }
  let at = 0;
  const take = (lengths: readonly number[]) =>
    lengths.map((length) => {
      const array = new Float32Array(length);
      Buffer.from(array.buffer).set(body.subarray(at, at + 4 * length));
      at += 4 * length;
      return array;
    });
  const { places } = head;
  const [weights, firstMoments] = [take(places.weights), take(places.firstMoments)];
  const [secondMoments, averages] = [take(places.secondMoments), take(places.averages)];
  const recurrent = take(places.recurrent);
  const kept = take(places.best);
  return {
    ...head.state,
    optimiser: { step: head.step, weights, firstMoments, secondMoments, averages },
    recurrent,
    best: head.best && { ...head.best, weights: kept },
  };
};

type Rest = Omit<FitState, 'optimiser' | 'recurrent' | 'best'>;
type Places = Record<
  'weights' | 'firstMoments' | 'secondMoments' | 'averages' | 'recurrent' | 'best',
  readonly number[]
>;

interface Head {
  readonly format: number;
  readonly digest: string;
  readonly configuration: Configuration;
  readonly step: number;
  readonly state: Rest;
  readonly best?: Omit<Best, 'weights'>;
  readonly places: Places;
}

const split = (bytes: Uint8Array): { head: Head; body: Uint8Array } => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let head: Head | undefined;
  let body = buffer;
  try {
    const length = buffer.readUInt32LE(0);
    head = JSON.parse(buffer.subarray(4, 4 + length).toString('utf8')) as Head;
    body = buffer.subarray(4 + length);
  } catch {
    // Damaged; reported below.
  }
  const whole = head?.digest === digestOf(body) ? head : undefined;
  if (whole?.format === FORMAT) return { head: whole, body };
  const problem = whole
    ? `The checkpoint has format ${whole.format} of another version of Folio; this one resumes format ${FORMAT}.`
    : 'The checkpoint is damaged.';
  throw new FolioError('checkpoint_mismatch', `${problem} Train with --fresh to start anew.`, {
    expected: `a whole checkpoint of format ${FORMAT}`,
    received: whole ? `format ${whole.format}` : `${bytes.length} bytes that are none`,
  });
};

const differing = (theirs: Configuration, ours: Configuration): string[] =>
  [...new Set([...Object.keys(theirs), ...Object.keys(ours)])]
    .filter((name) => JSON.stringify(theirs[name]) !== JSON.stringify(ours[name]))
    .map((name) => `${name} was ${JSON.stringify(theirs[name])}, is ${JSON.stringify(ours[name])}`);

/**
 * The training's last checkpoint, or undefined where the model has none.
 *
 * @throws FolioError `checkpoint_mismatch` for damage, an older format, or where the only checkpoint is another
 * training's, naming what differs
 */
export const readCheckpoint = async (
  store: Store,
  name: string,
  configuration: Configuration,
): Promise<FitState | undefined> => {
  const object = await store.read(checkpointKeyOf(name, configuration));
  if (object) return decodeCheckpoint(object.bytes, configuration);
  for await (const { key } of store.list(checkpointPrefix(name))) {
    const other = await store.read(key);
    if (other) return decodeCheckpoint(other.bytes, configuration);
  }
  return undefined;
};
