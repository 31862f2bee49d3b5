import { describeValue, FolioError, unexpected } from '../../errors.ts';
import { assembleModel, engineOf } from '../create-model.ts';
import type { Alphabet } from '../format/alphabet.ts';
import type { Model } from '../model.ts';
import type { Stepper } from '../stepper.ts';
import { MOST_BLENDED } from './blend-limit.ts';
import type { Engine } from './engine.ts';
import { PrefixCache } from './prefix-cache.ts';
import { Scheduler } from './scheduler.ts';

/** A model and its share of a blend. */
export interface BlendPart {
  readonly model: Model;
  /** Above 0; shares count in proportion to their sum. */
  readonly weight: number;
}

/**
 * Several models as one: the logarithm of a character's probability is the weighted sum of what the models give, and
 * the probabilities are made to sum to 1 again (a weighted geometric mean, or product of experts). Since each model's own normalisation
 * is the same for all characters, the weighted sum of logits is that, too, and is what is computed.
 *
 * The models stay the caller's: disposing of the blend ends its texts alone. A state of a blend can be gone on from by the same
 * models with the same weights.
 *
 * @param parts Two to four opened models of one alphabet and one precision.
 * @throws FolioError `invalid_parameter` with the place in `parts`
 * @example
 * const model = blendModels([{ model: shakespeare, weight: 0.7 }, { model: mine, weight: 0.3 }]);
 */
export const blendModels = (parts: readonly BlendPart[]): Model => {
  const [first] = parts;
  if (first === undefined || parts.length < 2 || parts.length > MOST_BLENDED) {
    throw unexpected('invalid_parameter', 'parts', `2 to ${MOST_BLENDED} models`, parts.length);
  }
  const { alphabet, info } = first.model;
  const total = parts.reduce((sum, { weight }) => sum + weight, 0);
  const members = parts.map(({ model, weight }, i): Member => {
    if (!(Number.isFinite(weight) && weight > 0)) {
      throw unexpected('invalid_parameter', `parts[${i}].weight`, 'a number above 0', weight);
    }
    if (model.info.precision !== info.precision) {
      throw unexpected(
        'invalid_parameter',
        `parts[${i}]`,
        `a model in ${info.precision}`,
        model.info.precision,
      );
    }
    return {
      stepper: engineOf(model).stepper,
      weight: weight / total,
      ids: idsIn(model, first.model, `parts[${i}]`),
    };
  });
  const stepper = new BlendStepper(alphabet.size, members);
  const shares = members.map(({ weight }) => Number(weight.toPrecision(6)));
  const name = parts
    .map(({ model }, i) => `${shares[i]} of ${model.info.name ?? 'a model'}${versionOf(model)}`)
    .join(' and ');
  const digest = (): string =>
    `blend:${parts.map(({ model }, i) => `${members[i]!.weight}*${model.info.digest}`).join('+')}`;
  const engine: Engine = {
    stepper,
    scheduler: new Scheduler(stepper),
    alphabet,
    prefixes: new PrefixCache(2 ** 22),
    owner: {
      name,
      precision: info.precision,
      get digest() {
        return digest();
      },
    },
    start: engineOf(first.model).start,
  };
  return assembleModel(engine, {
    name,
    layers: parts.flatMap(({ model }) => model.info.layers),
    parameters: parts.reduce((sum, { model }) => sum + model.info.parameters, 0),
    kernel: info.kernel,
    metadata: {},
  });
};

const versionOf = ({ info: { version } }: Model): string => (version === undefined ? '' : `@${version}`);

/**
 * The ids that another model has for the first one's characters: [vocabulary].
 *
 * @throws FolioError where their alphabets differ
 */
const idsIn = (
  { alphabet, info }: Model,
  { alphabet: wanted, info: { name } }: Model,
  where: string,
): Int32Array => {
  const missing = differences(wanted, alphabet);
  const added = differences(alphabet, wanted);
  if (alphabet.kind === wanted.kind && alphabet.size === wanted.size && missing.length + added.length === 0) {
    const places = new Map(alphabet.characters.map((character, id) => [character, id]));
    // Ids that stand for nothing are never generated, whichever they are.
    return Int32Array.from(wanted.characters, (character, id) =>
      character === '' && alphabet.characters[id] === '' ? id : places.get(character)!,
    );
  }
  const listed = (characters: readonly string[]): string =>
    `${characters.slice(0, 5).map(describeValue).join(', ')}${characters.length > 5 ? ' and others' : ''}`;
  const lacks = missing.length === 0 ? [] : [`lacks ${listed(missing)}`];
  const has = added.length === 0 ? [] : [`has ${listed(added)} besides`];
  throw new FolioError(
    'invalid_parameter',
    `${where}: expected a model with the alphabet of ${name ?? 'the first'}, received ${info.name ?? 'one'}, whose alphabet ${[...lacks, ...has].join(' and ') || 'has other ids'}.`,
    { where, expected: 'a model of the same alphabet', received: info.name ?? 'a model of another alphabet' },
  );
};

/** Characters of one alphabet that another lacks. */
const differences = (a: Alphabet, b: Alphabet): readonly string[] =>
  a.characters.filter((character) => character !== '' && b.idOf(character) === undefined);

interface Member {
  readonly stepper: Stepper;
  readonly weight: number;
  /** The member's id for each of the blend's: [vocabulary]. */
  readonly ids: Int32Array;
}

/** Advances each sequence in all members, and gives the weighted sums of their logits. */
class BlendStepper implements Stepper {
  readonly vocabulary: number;
  readonly precision: Stepper['precision'];
  readonly stateLength: number;
  readonly #members: readonly Member[];
  /** By the first member's slot: the slot in each member. */
  readonly #slots = new Map<number, readonly number[]>();
  #logits = new Float32Array(0); // [n * vocabulary]

  constructor(vocabulary: number, members: readonly Member[]) {
    this.vocabulary = vocabulary;
    this.precision = members[0]!.stepper.precision;
    this.stateLength = members.reduce((sum, { stepper }) => sum + stepper.stateLength, 0);
    this.#members = members;
  }

  /** Beside what the members hold. */
  get byteLength(): number {
    return this.#logits.byteLength;
  }

  open(): number {
    const slots = this.#members.map(({ stepper }) => stepper.open());
    this.#slots.set(slots[0]!, slots);
    return slots[0]!;
  }

  close(slot: number): void {
    const slots = this.#slotsOf(slot);
    this.#slots.delete(slot);
    this.#members.forEach(({ stepper }, i) => {
      stepper.close(slots[i]!);
    });
  }

  /** The members' states, one after the other. */
  read(slot: number): Float32Array {
    const slots = this.#slotsOf(slot);
    const state = new Float32Array(this.stateLength);
    let at = 0;
    this.#members.forEach(({ stepper }, i) => {
      state.set(stepper.read(slots[i]!), at);
      at += stepper.stateLength;
    });
    return state;
  }

  write(slot: number, state: Float32Array): void {
    const slots = this.#slotsOf(slot);
    let at = 0;
    this.#members.forEach(({ stepper }, i) => {
      stepper.write(slots[i]!, state.subarray(at, at + stepper.stateLength));
      at += stepper.stateLength;
    });
  }

  step(slots: readonly number[], ids: readonly number[]): Float32Array {
    const { vocabulary } = this;
    const all = slots.map((slot) => this.#slotsOf(slot));
    const sums = new Float64Array(slots.length * vocabulary);
    this.#members.forEach(({ stepper, weight, ids: own }, member) => {
      const rows = stepper.step(
        all.map((one) => one[member]!),
        ids.map((id) => own[id] ?? id),
      );
      for (let row = 0; row < sums.length; row += vocabulary) {
        for (let id = 0; id < vocabulary; id++) sums[row + id]! += weight * rows[row + own[id]!]!;
      }
    });
    if (this.#logits.length < sums.length) this.#logits = new Float32Array(sums.length);
    this.#logits.set(sums);
    return this.#logits.subarray(0, sums.length);
  }

  /** The members are others' to dispose of. */
  dispose(): void {}

  #slotsOf(slot: number): readonly number[] {
    const slots = this.#slots.get(slot);
    if (slots === undefined) throw unexpected('invalid_parameter', 'slot', 'an open slot', slot);
    return slots;
  }
}
