import { FolioError } from '../../src/errors.ts';
import type { Layer, LstmLayer, Network } from '../../src/model/network.ts';
import { plainForm } from '../corpus/rare-characters.ts';
import type { FitSettings } from './fit-settings.ts';
import { type NetworkShape, type Weight, weightShapes } from './network.ts';
import { fineTunedSchedule } from './schedule.ts';

/** A model that a training starts from. */
export interface ParentNetwork {
  readonly network: Network;
  /** In id order. */
  readonly alphabet: readonly string[];
}

/**
 * A preset's settings for a training that starts from another model's weights: the parent's layers, and the last third
 * of the preset's schedule, which begins at a quarter of its rate. All layers are trained.
 *
 * @throws FolioError `model_unsupported` where the parent is not a network that training makes
 */
export const fineTuned = (settings: FitSettings, { network }: ParentNetwork): FitSettings => {
  checkTrainable(network);
  const { units, embedding } = shapeOfNetwork(network);
  return { ...fineTunedSchedule(settings), units, embedding };
};

/** @throws FolioError `model_unsupported` where a network is not one that training makes */
export const checkTrainable = ({ layers }: Network): void => {
  for (const layer of layers) {
    if (!isUsual(layer))
      throw new FolioError(
        'model_unsupported',
        `Training knows LSTM layers of tanh and sigmoid alone; ${layer.name} is another.`,
        {
          where: layer.name,
          expected: 'lstm, tanh, sigmoid',
          received: [
            layer.kind,
            ...('activation' in layer ? [layer.activation] : []),
            ...('recurrentActivation' in layer ? [layer.recurrentActivation] : []),
          ].join(', '),
        },
      );
  }
};

/** A layer of the kind that training makes. */
const isUsual = (layer: Layer): layer is LstmLayer =>
  layer.kind === 'lstm' && layer.activation === 'tanh' && layer.recurrentActivation === 'sigmoid';

/**
 * A network for another alphabet: characters that both have keep their weights, new ones start from their plain form
 * (é from e) or, without one, from the mean of all; those that the alphabet lacks go.
 */
export const forAlphabet = (
  { network, alphabet: known }: ParentNetwork,
  alphabet: readonly string[],
): Network => {
  const ids = new Map(known.map((character, id) => [character, id]));
  const sources = alphabet.map((character) => {
    const plain = plainForm(character.codePointAt(0)!)?.[0];
    return ids.get(character) ?? (plain === undefined ? undefined : ids.get(plain));
  });
  const { input, layers, output } = network;
  return {
    ...network,
    vocabulary: alphabet.length,
    input: input.kind === 'embedding' ? { ...input, table: rows(input.table, sources, input.size) } : input,
    layers: layers.map((layer, index) =>
      index === 0 && input.kind === 'one-hot' && isUsual(layer)
        ? { ...layer, kernel: rows(layer.kernel, sources, 4 * layer.units) }
        : layer,
    ),
    output: {
      ...output,
      kernel: columns(output.kernel, sources, known.length),
      bias: columns(output.bias, sources, known.length),
    },
  };
};

/** The weights of a network of the kind that training makes, in Keras' layout. */
export const weightsOf = (network: Network): Weight[] => {
  const { input, layers, output } = network;
  const values = [
    ...(input.kind === 'embedding' ? [input.table] : []),
    ...layers.filter(isUsual).flatMap(({ kernel, recurrent, bias }) => [kernel, recurrent, bias]),
    output.kernel,
    output.bias,
  ];
  return weightShapes(shapeOfNetwork(network)).map((weight, index) => ({
    ...weight,
    values: values[index]!,
  }));
};

export const shapeOfNetwork = ({ vocabulary, input, layers }: Network): NetworkShape => ({
  vocabulary,
  embedding: input.kind === 'embedding' ? input.size : 0,
  units: layers.map(({ units }) => units),
});

/** Rows of a table [any, columns], each from its source or, without one, the mean: [sources, columns]. */
const rows = (
  table: Float32Array,
  sources: readonly (number | undefined)[],
  columns: number,
): Float32Array => {
  const count = table.length / columns;
  const mean = new Float32Array(columns);
  for (let at = 0; at < table.length; at++) mean[at % columns]! += table[at]! / count;
  const chosen = new Float32Array(sources.length * columns);
  for (const [row, source] of sources.entries())
    chosen.set(
      source === undefined ? mean : table.subarray(source * columns, (source + 1) * columns),
      row * columns,
    );
  return chosen;
};

/** The same for columns of a table [any, before]: [any, sources]. */
const columns = (
  table: Float32Array,
  sources: readonly (number | undefined)[],
  before: number,
): Float32Array => {
  const chosen = new Float32Array((table.length / before) * sources.length);
  for (let row = 0; row < table.length / before; row++) {
    const from = table.subarray(row * before, (row + 1) * before);
    const mean = from.reduce((sum, value) => sum + value, 0) / before;
    for (const [column, source] of sources.entries())
      chosen[row * sources.length + column] = source === undefined ? mean : from[source]!;
  }
  return chosen;
};
