import { floatsOf, type Halves } from '../format/halves.ts';
import {
  type Activation,
  firstLayer,
  gateCount,
  type Layer,
  type Matrix,
  type Network,
  stateVectors,
} from '../network.ts';
import type { MatrixDensity, Precision } from '../stepper.ts';
import type { Arena } from './arena.ts';
import { boundedOutput, boundedState } from './bounded-state.ts';
import { firstLayerTable } from './packing/first-layer.ts';
import {
  type GateRange,
  type PackedMatrix,
  type Packer,
  padded,
  type ReadingOrder,
  readingOrders,
  rowsOf,
  spread,
} from './packing/packer.ts';

/** As in `assembly/gates.ts` and `assembly/layout.ts`. */
const activations: readonly Activation[] = [
  'tanh',
  'sigmoid',
  'hardSigmoid',
  'relu',
  'linear',
  'hardSigmoid6',
];
const kinds = {
  lstm: 0,
  gruResetAfter: 1,
  gruResetBefore: 2,
  'simple-rnn': 3,
  dense: 4,
  normalization: 5,
} as const;
const LAYER_WORDS = 13; // 4 bytes each, as all fields
const BLOCK = 8;

/**
 * Bytes of f32 weights from which on halves are read sooner than they are widened: what most processors hold in a cache, or
 * the share of it that a thread has.
 */
const HALVES_FROM = 16 * 2 ** 20;

/** Bytes of int8 weights from which on four streams are read sooner than one. */
const STREAMS_FROM = 2 ** 19;
/** Bytes of weights from which on a step waits for memory: int8 by vectors in pairs, and f32. */
const AHEAD_FROM = { int8: 10 * 2 ** 20, f32: 12 * 2 ** 20 };
/** So much is read behind what is read ahead. */
const AHEAD_BYTES = 4096;

/**
 * The order in which dense matrices are read soonest (docs/engine.md has the figures).
 *
 * @param pairs whether the host makes vectors of 256 bits of pairs
 * @param bytes of all weights that a step multiplies
 */
const int8Order = (pairs: boolean, bytes: number): ReadingOrder => {
  if (pairs) return bytes < AHEAD_FROM.int8 ? 'straight' : 'ahead';
  return bytes < STREAMS_FROM ? 'straight' : 'streams';
};
const f32Order = (bytes: number): ReadingOrder => (bytes < AHEAD_FROM.f32 ? 'straight' : 'ahead');

/** Where in the kernel's `Network` the addresses of `StepBuffers` stand, in words. */
export const STEP_BUFFERS_WORD = 7;

/** What a step is given and gives, for so many sequences at most. */
export interface StepBuffers {
  readonly slots: number;
  readonly ids: number;
  readonly logits: number;
}

/** Offsets in a slot: where each layer's state starts, and every vector of the state in the order of `read`. */
export interface Layout {
  readonly layers: readonly number[];
  readonly vectors: readonly { readonly address: number; readonly units: number }[];
  readonly slotBytes: number;
}

/** Bytes of a vector that is a product's input, as in `assembly/layout.ts`. */
const vectorBytes = (units: number): number => padded(units) * 5 + 32;

export const layOut = (network: Network<Halves>): Layout => {
  const layers: number[] = [];
  const vectors: { address: number; units: number }[] = [];
  let end = 0;
  for (const layer of network.layers) {
    const { units } = layer;
    const carried = stateVectors(layer);
    layers.push(end);
    if (carried > 0) vectors.push({ address: end, units });
    end += vectorBytes(units);
    if (carried > 1) {
      vectors.push({ address: end, units });
      end += padded(units) * 4;
    }
  }
  return { layers, vectors, slotBytes: end };
};

/** Weights that a step multiplies, zeros included. */
const multipliedWeights = ({ layers, output }: Network<Halves>): number =>
  layers.reduce((sum, layer, index) => {
    if (layer.kind === 'normalization') return sum;
    const recurrent = layer.kind === 'dense' ? 0 : layer.recurrent.length;
    return sum + recurrent + (index > 0 ? layer.kernel.length : 0);
  }, output.kernel.length);

/** A network in the kernel's memory. */
export interface PlacedNetwork {
  /** Of the kernel's `Network`. */
  readonly address: number;
  /** Of the list of scratch areas, `BLOCK` a thread. */
  readonly scratch: number;
  /** Of every matrix that is multiplied. */
  readonly density: readonly MatrixDensity[];
  /** Bytes of the weights that a step multiplies. */
  readonly weightBytes: number;
  /** As the kernel pads them: units of the first layer, and rows of what its h is multiplied with. */
  readonly firstLayer: { readonly units: number; readonly rows: number };
  /** Whether the layers can be cut in parts: not where all of h must be known, for a mean or for the largest in int8. */
  readonly divisible: boolean;
  /** Makes one thread's scratch areas. @returns their addresses */
  placeScratch(): number[];
  /** Makes the vectors that threads write h to together. */
  placeNext(memory: WebAssembly.Memory): void;
}

/** How weights are held, where there are several ways to the same bits. */
export interface PackingChoices {
  /** In f32, keep as halves what was published as halves. Default: by the size of the network. */
  readonly halves?: boolean | undefined;
  /** The order of dense matrices in f32 and int8. Default: the one that is read soonest. */
  readonly order?: ReadingOrder | undefined;
  /** Whether the host makes vectors of 256 bits of pairs (src/wide-vectors.ts). */
  readonly pairs: boolean;
}

/** Places everything but the sequences, and the scratch areas of the first of `threads`. */
export const placeNetwork = (
  arena: Arena,
  network: Network<Halves>,
  layout: Layout,
  precision: Precision,
  buffers: StepBuffers,
  threads: number,
  packer: Packer,
  { halves, order, pairs }: PackingChoices,
): PlacedNetwork => {
  const { layers, output, vocabulary } = network;
  const int8 = precision !== 'f32'; // of states, table and output layer
  const density: MatrixDensity[] = [];
  let weightBytes = 0;
  let readsAhead = false;
  const multiplied = multipliedWeights(network);
  const f32Bytes = 4 * multiplied;
  const orders: Orders = {
    int8: packer.streamable ? (order ?? int8Order(pairs, multiplied)) : 'straight',
    f32: (bytes) => order ?? f32Order(bytes * multiplied),
  };
  const keepHalves = (density: number): boolean => halves ?? density * f32Bytes >= HALVES_FROM;
  const placeIn =
    (format: Precision): PlaceMatrix =>
    (name, matrix, outputs, gates, input) => {
      const packed = packers[format](
        packer,
        matrix,
        outputs,
        gates,
        boundedOutput(input) ? keepHalves : never,
        orders,
      );
      density.push({ matrix: name, density: packed.density, weights: packed.weightFormat });
      weightBytes += packed.byteLength;
      readsAhead ||= packed.order === 'ahead';
      return placePacked(arena, packed);
    };
  const placeMatrix = placeIn(precision);

  const words = layers.flatMap((layer, index, all) => {
    const placed = placeLayer(arena, layer, all[index - 1], placeMatrix);
    const fields = [
      kindOf(layer),
      layer.units,
      padded(layer.units),
      'activation' in layer ? activations.indexOf(layer.activation) : 0,
      'recurrentActivation' in layer ? activations.indexOf(layer.recurrentActivation) : 0,
      boundedState(layer) ? 0 : 1,
      layout.layers[index]!,
      placed.input,
      placed.recurrent,
      placed.candidate,
      placed.bias,
      placed.recurrentBias,
      0, // next: see `placeNext`
    ];
    if (fields.length !== LAYER_WORDS) throw new RangeError('layer fields differ from the kernel');
    return fields;
  });
  const table = placeTable(arena, packer, network, int8);
  const dense: GateRange = { first: 0, count: 1, units: vocabulary };
  const outputMatrix = placeIn(int8 ? 'int8' : 'f32')(
    `${output.name}/kernel`,
    output.kernel,
    vocabulary,
    dense,
    layers.at(-1)!,
  );
  const outputBias = arena.placeFloats(spread(output.bias, dense));

  const widest = Math.max(...layers.map((layer) => padded(layer.units)));
  const rows = Math.max(padded(vocabulary), ...layers.map((layer) => gateCount(layer) * padded(layer.units)));
  const sums = vectorBytes(widest);
  const recurrentSums = sums + rows * 4;
  const hasGru = layers.some(({ kind }) => kind === 'gru');
  const scratchBytes = recurrentSums + (hasGru ? 3 * widest * 4 : 0);
  if (readsAhead) arena.place(AHEAD_BYTES);
  const placeScratch = (): number[] => Array.from({ length: BLOCK }, () => arena.place(scratchBytes));
  const others = new Array<number>((threads - 1) * BLOCK).fill(0);
  const scratch = arena.placeWords([...placeScratch(), ...others]);
  const layersAt = arena.placeWords(words);
  const address = arena.placeWords([
    layersAt,
    layers.length,
    vocabulary,
    table.values,
    table.scales,
    outputMatrix,
    outputBias,
    buffers.slots,
    buffers.ids,
    buffers.logits,
    scratch,
    sums,
    recurrentSums,
  ]);
  const sizes = layers.map(({ units }) => vectorBytes(units)); // a closure over the layers would keep the published weights
  const placeNext = (memory: WebAssembly.Memory): void => {
    const vectors = sizes.map((bytes) => arena.place(bytes));
    arena.commit();
    const placed = new Uint32Array(memory.buffer);
    for (const [index, vector] of vectors.entries()) {
      placed[(layersAt >> 2) + index * LAYER_WORDS + LAYER_WORDS - 1] = vector;
    }
  };
  const divisible = layers.every((layer) => layer.kind !== 'normalization' && (!int8 || boundedState(layer)));
  const units = padded(layers[0]!.units);
  const firstLayer = { units, rows: stateVectors(layers[0]!) > 0 ? gateCount(layers[0]!) * units : 0 };
  return { address, scratch, density, weightBytes, firstLayer, divisible, placeScratch, placeNext };
};

const kindOf = (layer: Layer<Halves>): number => {
  if (layer.kind !== 'gru') return kinds[layer.kind];
  return layer.resetAfter ? kinds.gruResetAfter : kinds.gruResetBefore;
};

interface PlacedLayer {
  readonly input: number;
  readonly recurrent: number;
  readonly candidate: number;
  readonly bias: number;
  readonly recurrentBias: number;
}

const placeLayer = (
  arena: Arena,
  layer: Layer<Halves>,
  below: Layer<Halves> | undefined,
  placeMatrix: PlaceMatrix,
): PlacedLayer => {
  if (layer.kind === 'normalization') {
    const epsilon = arena.placeFloats(Float32Array.of(layer.epsilon));
    return { input: 0, recurrent: 0, candidate: 0, bias: epsilon, recurrentBias: 0 };
  }
  const { name, units } = layer;
  const state = `${name}/recurrent_kernel`;
  const all: GateRange = { first: 0, count: gateCount(layer), units };
  const outputs = all.count * units;
  const split = layer.kind === 'gru' && !layer.resetAfter;
  const recurrent = layer.kind === 'dense' ? undefined : layer.recurrent;
  return {
    input: below ? placeMatrix(`${name}/kernel`, layer.kernel, outputs, all, below) : 0,
    recurrent: recurrent
      ? placeMatrix(state, recurrent, outputs, split ? { ...all, count: 2 } : all, layer)
      : 0,
    candidate: split
      ? placeMatrix(`${state} (candidate)`, layer.recurrent, outputs, { first: 2, count: 1, units }, layer)
      : 0,
    bias: arena.placeFloats(spread(layer.bias, all)),
    recurrentBias: layer.kind === 'gru' ? arena.placeFloats(spread(layer.recurrentBias, all)) : 0,
  };
};

const never = (): boolean => false;

/** Of dense matrices; in f32 by the bytes that a weight has. */
interface Orders {
  readonly int8: ReadingOrder;
  readonly f32: (bytes: number) => ReadingOrder;
}

const packers: Record<Precision, PackMatrix> = {
  f32: (packer, matrix, outputs, gates, keepHalves, { f32 }) =>
    packer.packF32(matrix, outputs, gates, keepHalves, f32),
  int8: (packer, matrix, outputs, gates, _, { int8 }) => packer.packInt8(matrix, outputs, gates, int8),
  int4: (packer, matrix, outputs, gates) => packer.packInt4(matrix, outputs, gates),
};

type PackMatrix = (
  packer: Packer,
  matrix: Matrix<Halves>,
  outputs: number,
  gates: GateRange,
  keepHalves: (density: number) => boolean,
  orders: Orders,
) => PackedMatrix;

/** @param input the layer that the matrix is multiplied with */
type PlaceMatrix = (
  name: string,
  matrix: Matrix<Halves>,
  outputs: number,
  gates: GateRange,
  input: Layer<Halves>,
) => number;

/** Describes a packed matrix as in `assembly/layout.ts`. @returns the address of its `Matrix` */
const placePacked = (arena: Arena, packed: PackedMatrix): number => {
  const {
    weights,
    tiles,
    columns,
    scales = 0,
    starts = 0,
    order = 'straight',
    sparse,
    weightFormat,
  } = packed;
  const [sparseTiles, blocks] = sparse ? [sparse.tiles, sparse.blocks] : [0, 0];
  const [int4, halves] = [weightFormat === 'int4' ? 1 : 0, weightFormat === 'f16' ? 1 : 0];
  return arena.placeWords([
    weights,
    ...tiles,
    columns,
    scales,
    starts,
    sparseTiles,
    blocks,
    int4,
    halves,
    readingOrders[order],
  ]);
};

/** The first layer's rows, one a character: with its bias in f32, quantised without it in int8. */
const placeTable = (
  arena: Arena,
  packer: Packer,
  network: Network<Halves>,
  int8: boolean,
): { values: number; scales: number } => {
  const layer = firstLayer(network);
  const gates: GateRange = { first: 0, count: gateCount(layer), units: layer.units };
  const outputs = gates.count * gates.units;
  const rows = rowsOf(gates);
  if (int8) return packer.packTable(firstLayerTable(network), outputs, gates);
  const table = floatsOf(firstLayerTable(network));
  const length = network.vocabulary * rows;
  const values = arena.place(4 * length, (buffer, address) => {
    const placed = new Float32Array(buffer, address, length);
    const bias = spread(layer.bias, gates);
    for (let id = 0; id < network.vocabulary; id++) {
      const row = spread(table.subarray(id * outputs, (id + 1) * outputs), gates);
      for (let i = 0; i < rows; i++) placed[id * rows + i] = row[i]! + bias[i]!;
    }
  });
  return { values, scales: 0 };
};
