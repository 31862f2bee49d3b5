import type { Matrix } from '../network.ts';
import { floatsOf, type Halves } from './halves.ts';
import { invalid, phrase, unsupported } from './invalid.ts';
import { isKerasPath, normalizeKerasPath } from './keras-paths.ts';
import type { Cell } from './recurrent-config.ts';
import type { WeightSpec, Weights } from './weights.ts';

/** Which of a layer's stacked cells. */
export interface Place {
  readonly cell: Cell;
  readonly index: number;
  readonly count: number;
}

interface Entry {
  readonly spec: WeightSpec;
  /** `/reader/lstm_cell/kernel`: without the model's name before and `:0` behind. */
  readonly path: string;
  read: boolean;
}

/**
 * Finds each layer's weights in a manifest, whichever library named them: `lstm/kernel` (tfjs), `lstm/lstm_cell/kernel`
 * (Keras 2), `model/lstm/lstm_cell/kernel` and `layers/lstm/cell/vars/0` (Keras 3), `rnn/RNNCell_0/kernel`,
 * `rnn/stacked_rnn_cells/lstm_cell/kernel`.
 */
export class LayerWeights<Encoded extends Halves> {
  readonly #weights: Weights<Encoded>;
  readonly #entries: readonly Entry[];

  /**
   * @param modelName What the model is called, which may stand before every name.
   * @param layerNames Of the outermost model.
   * @param kerasNames Gives what `layers/…/vars/0` stands for; called where a weight is named so.
   */
  constructor(
    weights: Weights<Encoded>,
    modelName: string | undefined,
    layerNames: ReadonlySet<string>,
    kerasNames: () => ReadonlyMap<string, string>,
  ) {
    this.#weights = weights;
    const named = weights.specs.map((spec): [WeightSpec, string] => {
      const name = spec.name.includes(':') ? spec.name.replace(/:\d+$/, '') : spec.name;
      return [spec, isKerasPath(name) ? (kerasNames().get(normalizeKerasPath(name)) ?? name) : name];
    });
    // A model may be called like one of its layers: its name goes only where a layer's stands behind it every time.
    const prefix = modelName === undefined ? undefined : `${modelName}/`;
    const prefixed =
      prefix !== undefined &&
      named.every(
        ([, name]) => name.startsWith(prefix) && layerNames.has(name.slice(prefix.length).split('/')[0]!),
      );
    this.#entries = named.map(([spec, name]) => ({
      spec,
      path: `/${prefixed ? name.slice(prefix.length) : name}`,
      read: false,
    }));
  }

  /**
   * @param scopes The layer's name, then its wrappers'.
   * @throws FolioError `model_invalid` unless there is exactly one
   */
  find(scopes: readonly string[], role: string, place?: Place): WeightSpec {
    return this.#one(scopes, role, place).spec;
  }

  /** Whether the layer has such a weight. */
  has(scopes: readonly string[], role: string): boolean {
    return this.#candidates(scopes, role, undefined).length > 0;
  }

  #one(scopes: readonly string[], role: string, place: Place | undefined): Entry {
    const found = this.#candidates(scopes, role, place);
    if (found.length !== 1) {
      const count = found.length === 0 ? undefined : found.length;
      throw invalid(`${scopes[0]}/${role}`, 'one weight in the manifest', count);
    }
    return found[0]!;
  }

  #candidates(scopes: readonly string[], role: string, place: Place | undefined): readonly Entry[] {
    const ending = `/${role}`;
    const called = this.#entries.filter(({ path }) => path.endsWith(ending));
    const within = (scope: string): readonly Entry[] =>
      called.filter(({ path }) => path.includes(`/${scope}/`));
    // Models within models may be called like their layers: the whole path goes before a part of it.
    const whole = `/${scopes.toReversed().join('/')}/`;
    const own = narrow(within(scopes[0]!), scopes, whole, place);
    // tfjs calls a wrapped layer's weights by its wrapper.
    return own.length > 0 ? own : (scopes.slice(1).map(within).find(any) ?? []);
  }

  /** A weight's values, row-major. @throws FolioError `model_invalid` unless it has this shape */
  take(scopes: readonly string[], role: string, shape: readonly number[], place?: Place): Float32Array {
    return this.#weights.values(this.#specOf(scopes, role, shape, place));
  }

  /** The same of a matrix, which may stay encoded. */
  takeMatrix(
    scopes: readonly string[],
    role: string,
    shape: readonly [number, number],
    place?: Place,
  ): Matrix<Encoded> {
    return this.#weights.matrix(this.#specOf(scopes, role, shape, place));
  }

  #specOf(scopes: readonly string[], role: string, shape: readonly number[], place?: Place): WeightSpec {
    const entry = this.#one(scopes, role, place);
    const { spec } = entry;
    if (spec.shape.length !== shape.length || spec.shape.some((size, i) => size !== shape[i])) {
      throw invalid(`${spec.name}.shape`, `[${shape.join(', ')}]`, spec.shape);
    }
    entry.read = true;
    return spec;
  }

  /** A matrix with its low-rank adapter (LoRA), where it has one, added. */
  takeAdapted(
    scopes: readonly string[],
    role: 'kernel' | 'embeddings',
    shape: readonly [number, number],
    alpha: unknown,
  ): Matrix<Encoded> {
    const matrix = this.takeMatrix(scopes, role, shape);
    if (!this.has(scopes, `lora_${role}_a`)) return matrix;
    const [rows, columns] = shape;
    const rank = this.find(scopes, `lora_${role}_a`).shape[1] ?? 0;
    const a = this.take(scopes, `lora_${role}_a`, [rows, rank]);
    const b = this.take(scopes, `lora_${role}_b`, [rank, columns]);
    const factor = (typeof alpha === 'number' ? alpha : rank) / rank;
    return floatsOf(matrix).map((value, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      let sum = 0;
      for (let k = 0; k < rank; k++) sum += a[row * rank + k]! * b[k * columns + column]!;
      return value + factor * sum;
    });
  }

  /** What a layer's kernel takes in. */
  inputsOf(scopes: readonly string[], place?: Place): number {
    const { name, shape } = this.find(scopes, 'kernel', place);
    if (shape.length !== 2) throw invalid(`${name}.shape`, '2 sizes', shape);
    return shape[0]!;
  }

  /** @throws FolioError `model_unsupported` for a weight of one of these layers that nobody has read */
  checkAllRead(layerNames: readonly string[]): void {
    const scopes = layerNames.map((name) => `/${name}/`);
    for (const { spec, path, read } of this.#entries) {
      if (read || spec.encoding.kind === 'other') continue;
      if (path.includes('/seed_generator/')) continue;
      if (scopes.some((scope) => path.startsWith(scope) || path.includes(scope))) {
        throw unsupported(spec.name, 'weights that the layer is known to use', phrase('one more'));
      }
    }
  }
}

const any = (entries: readonly Entry[]): boolean => entries.length > 0;

const narrow = (
  found: readonly Entry[],
  scopes: readonly string[],
  whole: string,
  place: Place | undefined,
): readonly Entry[] => {
  if (place !== undefined) {
    // Each cell's own scope, or as many weights as there are cells, in their order.
    const own = found.filter(({ path }) =>
      [`RNNCell_${place.index}`, place.cell.config.name].some((scope) => path.includes(`/${scope}/`)),
    );
    if (own.length === 1) return own;
    return found.length === place.count ? [found[place.index]!] : own;
  }
  if (found.length < 2) return found;
  const exact = found.filter(({ path }) => path.startsWith(whole));
  if (exact.length === 1) return exact;
  return found.filter(({ path }) => scopes.every((scope) => path.includes(`/${scope}/`)));
};
