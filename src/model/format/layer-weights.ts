import { invalid } from './invalid.ts';
import type { Cell } from './recurrent-config.ts';
import type { WeightSpec, Weights } from './weights.ts';

/** Which of a layer's stacked cells. */
export interface Place {
  readonly cell: Cell;
  readonly index: number;
  readonly count: number;
}

/**
 * Finds each layer's weights in a manifest, whichever library named them: `lstm/kernel` (tfjs), `lstm/lstm_cell/kernel`
 * (Keras 2), `model/lstm/lstm_cell/kernel` (Keras 3), `rnn/RNNCell_0/kernel`, `rnn/stacked_rnn_cells/lstm_cell/kernel`.
 */
export class LayerWeights {
  readonly #weights: Weights;

  constructor(weights: Weights) {
    this.#weights = weights;
  }

  /**
   * @param scopes The layer's name, then its wrappers'.
   * @throws FolioError `model_invalid` unless there is exactly one
   */
  find(scopes: readonly string[], role: string, place?: Place): WeightSpec {
    const [layer] = scopes;
    const own = narrow(this.#weights.find([layer!], role), scopes, place);
    // tfjs calls a wrapped layer's weights by its wrapper.
    const found =
      own.length > 0
        ? own
        : (scopes
            .slice(1)
            .map((scope) => this.#weights.find([scope], role))
            .find(any) ?? []);
    if (found.length !== 1) {
      const count = found.length === 0 ? 'none' : found.length;
      throw invalid(`${layer}/${role}`, 'one weight in the manifest', count);
    }
    return found[0]!;
  }

  /** A weight's values, row-major. @throws FolioError `model_invalid` unless it has this shape */
  take(scopes: readonly string[], role: string, shape: readonly number[], place?: Place): Float32Array {
    const spec = this.find(scopes, role, place);
    if (spec.shape.length !== shape.length || spec.shape.some((size, i) => size !== shape[i])) {
      throw invalid(`${spec.name}.shape`, `[${shape.join(', ')}]`, spec.shape);
    }
    return this.#weights.values(spec);
  }

  /** What a layer's kernel takes in. */
  inputsOf(scopes: readonly string[], place?: Place): number {
    const { name, shape } = this.find(scopes, 'kernel', place);
    if (shape.length !== 2) throw invalid(`${name}.shape`, '2 sizes', shape);
    return shape[0]!;
  }
}

const any = (specs: readonly WeightSpec[]): boolean => specs.length > 0;

const narrow = (
  found: readonly WeightSpec[],
  scopes: readonly string[],
  place: Place | undefined,
): readonly WeightSpec[] => {
  if (place !== undefined) {
    // Each cell's own scope, or as many weights as there are cells, in their order.
    const own = found.filter(({ name }) =>
      [`RNNCell_${place.index}`, place.cell.config.name].some((scope) => name.includes(`/${scope}/`)),
    );
    if (own.length === 1) return own;
    return found.length === place.count ? [found[place.index]!] : own;
  }
  if (found.length < 2) return found;
  return found.filter(({ name }) => scopes.every((scope) => `/${name}`.includes(`/${scope}/`)));
};
