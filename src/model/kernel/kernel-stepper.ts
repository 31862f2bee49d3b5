import type { Activation, LstmLayer, Network, RecurrentLayer } from '../network.ts';
import { stateLength } from '../network.ts';
import { checkState, Slots } from '../slots.ts';
import type { Precision, Stepper } from '../stepper.ts';
import { Arena } from './arena.ts';
import { boundedState } from './bounded-state.ts';
import { firstLayerTable } from './first-layer.ts';
import { instantiateKernel, relaxedSimdSupported } from './kernel-module.ts';
import { type GateRange, padded, placeMatrixF32, placeMatrixInt8, spread } from './matrices.ts';
import { quantiseMatrix, quantiseTable } from './quantise.ts';

export interface KernelOptions {
  /** Default: whether this host has relaxed SIMD. */
  readonly relaxed?: boolean;
}

/** As in `assembly/gates.ts` and `assembly/layout.ts`. */
const activations: readonly Activation[] = ['tanh', 'sigmoid', 'hardSigmoid', 'relu', 'linear'];
const kinds = { lstm: 0, gruResetAfter: 1, gruResetBefore: 2 } as const;
const LAYER_WORDS = 12;
const BLOCK = 8;

/**
 * The network in the WebAssembly kernel, weights packed for streaming reads.
 *
 * int8 gives the same bits on every host and in either build; f32 may differ in the last place where the host fuses
 * a multiplication with an addition.
 *
 * @throws FolioError `model_unsupported` when the host gives too little memory
 */
export const createKernelStepper = (
  network: Network,
  precision: Precision,
  { relaxed = relaxedSimdSupported() }: KernelOptions = {},
): Stepper => {
  const kernel = instantiateKernel(relaxed);
  const arena = new Arena(kernel.memory, kernel.heapBase());
  const layout = layOut(network);
  const int8 = precision === 'int8';
  const { vocabulary } = network;
  const length = stateLength(network);
  const slots = new Slots(vocabulary);
  const addresses: number[] = [];
  const advance = int8 ? kernel.stepInt8 : kernel.stepF32;

  const room = { runs: 1, slots: arena.place(4), ids: arena.place(4), logits: arena.place(4 * vocabulary) };
  const header = placeNetwork(arena, network, layout, int8, room);
  arena.commit();

  let { words, floats } = viewsOf(kernel.memory);
  const grown = (): void => {
    arena.commit();
    if (words.buffer !== kernel.memory.buffer) ({ words, floats } = viewsOf(kernel.memory));
  };

  const makeRoom = (runs: number): void => {
    room.runs = 2 ** Math.ceil(Math.log2(runs));
    room.slots = arena.place(4 * room.runs);
    room.ids = arena.place(4 * room.runs);
    room.logits = arena.place(4 * room.runs * vocabulary);
    grown();
    words.set([room.slots, room.ids, room.logits], (header >> 2) + 7);
  };

  let view = floats.subarray(0, 0);
  const logits = (n: number): Float32Array => {
    if (view.buffer !== floats.buffer || view.byteOffset !== room.logits || view.length !== n * vocabulary) {
      view = floats.subarray(room.logits >> 2, (room.logits >> 2) + n * vocabulary);
    }
    return view;
  };

  const write = (slot: number, state: Float32Array): void => {
    let from = 0;
    for (const { address, units } of layout.vectors) {
      floats.set(state.subarray(from, from + units), (addresses[slot]! + address) >> 2);
      from += units;
    }
    if (int8) kernel.quantiseState(header, addresses[slot]!);
  };

  const zeros = new Float32Array(length);
  return {
    precision,
    vocabulary,
    stateLength: length,
    get byteLength() {
      return arena.byteLength;
    },
    open() {
      const slot = slots.open();
      if (addresses[slot] === undefined) {
        addresses[slot] = arena.place(layout.slotBytes);
        grown();
      }
      write(slot, zeros);
      return slot;
    },
    close: (slot) => slots.close(slot),
    read(slot) {
      slots.check(slot);
      const state = new Float32Array(length);
      let to = 0;
      for (const { address, units } of layout.vectors) {
        const from = (addresses[slot]! + address) >> 2;
        state.set(floats.subarray(from, from + units), to);
        to += units;
      }
      return state;
    },
    write(slot, state) {
      slots.check(slot);
      checkState(state, length);
      write(slot, state);
    },
    step(running, ids) {
      slots.checkStep(running, ids);
      const n = running.length;
      if (n > room.runs) makeRoom(n);
      const slotsAt = room.slots >> 2;
      const idsAt = room.ids >> 2;
      for (let i = 0; i < n; i++) {
        words[slotsAt + i] = addresses[running[i]!]!;
        words[idsAt + i] = ids[i]!;
      }
      advance(header, n);
      return logits(n);
    },
  };
};

interface Room {
  readonly slots: number;
  readonly ids: number;
  readonly logits: number;
}

/** Offsets in a slot: where each layer's state starts, and every vector of the state in the order of `read`. */
interface Layout {
  readonly layers: readonly number[];
  readonly vectors: readonly { readonly address: number; readonly units: number }[];
  readonly slotBytes: number;
}

/** Bytes of a vector that is a product's input: f32 values, their bytes, their scale. */
const vectorBytes = (units: number): number => padded(units) * 5 + 16;

const layOut = (network: Network): Layout => {
  const layers: number[] = [];
  const vectors: { address: number; units: number }[] = [];
  let end = 0;
  for (const { kind, units } of network.layers) {
    layers.push(end);
    vectors.push({ address: end, units });
    end += vectorBytes(units);
    if (kind === 'lstm') {
      vectors.push({ address: end, units });
      end += padded(units) * 4;
    }
  }
  return { layers, vectors, slotBytes: end };
};

const gatesOf = (layer: RecurrentLayer): number => (layer.kind === 'lstm' ? 4 : 3);

/** Places everything but the runs. @returns the address of the kernel's `Network` */
const placeNetwork = (arena: Arena, network: Network, layout: Layout, int8: boolean, room: Room): number => {
  const { layers, output, vocabulary } = network;
  const placeMatrix = (matrix: Float32Array, outputs: number, gates: GateRange): number =>
    int8
      ? placeMatrixInt8(arena, quantiseMatrix(matrix, outputs), gates)
      : placeMatrixF32(arena, matrix, outputs, gates);

  const words = layers.flatMap((layer, index) => {
    const placed = placeLayer(arena, layer, index > 0, placeMatrix);
    const fields = [
      kindOf(layer),
      layer.units,
      padded(layer.units),
      activations.indexOf(layer.activation),
      activations.indexOf(layer.recurrentActivation),
      boundedState(layer) ? 0 : 1,
      layout.layers[index]!,
      placed.input,
      placed.recurrent,
      placed.candidate,
      placed.bias,
      placed.recurrentBias,
    ];
    if (fields.length !== LAYER_WORDS) throw new RangeError('layer fields differ from the kernel');
    return fields;
  });
  const table = placeTable(arena, network, int8);
  const dense: GateRange = { first: 0, count: 1, units: vocabulary };
  const outputMatrix = placeMatrix(output.kernel, vocabulary, dense);
  const outputBias = arena.placeFloats(spread(output.bias, dense));

  const widest = Math.max(...layers.map((layer) => padded(layer.units)));
  const rows = Math.max(padded(vocabulary), ...layers.map((layer) => gatesOf(layer) * padded(layer.units)));
  const sums = vectorBytes(widest);
  const recurrentSums = sums + rows * 4;
  const hasGru = layers.some(({ kind }) => kind === 'gru');
  const scratch = Array.from({ length: BLOCK }, () =>
    arena.place(recurrentSums + (hasGru ? 3 * widest * 4 : 0)),
  );
  return arena.placeWords([
    arena.placeWords(words),
    layers.length,
    vocabulary,
    table.values,
    table.scales,
    outputMatrix,
    outputBias,
    room.slots,
    room.ids,
    room.logits,
    arena.placeWords(scratch),
    sums,
    recurrentSums,
  ]);
};

const kindOf = (layer: RecurrentLayer): number => {
  if (layer.kind === 'lstm') return kinds.lstm;
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
  layer: RecurrentLayer,
  hasInput: boolean,
  placeMatrix: (matrix: Float32Array, outputs: number, gates: GateRange) => number,
): PlacedLayer => {
  const { units } = layer;
  const all: GateRange = { first: 0, count: gatesOf(layer), units };
  const outputs = all.count * units;
  const split = layer.kind === 'gru' && !layer.resetAfter;
  return {
    input: hasInput ? placeMatrix(layer.kernel, outputs, all) : 0,
    recurrent: placeMatrix(layer.recurrent, outputs, split ? { ...all, count: 2 } : all),
    candidate: split ? placeMatrix(layer.recurrent, outputs, { first: 2, count: 1, units }) : 0,
    bias: arena.placeFloats(spread(layer.bias, all)),
    recurrentBias: layer.kind === 'gru' ? arena.placeFloats(spread(layer.recurrentBias, all)) : 0,
  };
};

/** The first layer's rows, one a character: with its bias in f32, quantised without it in int8. */
const placeTable = (arena: Arena, network: Network, int8: boolean): { values: number; scales: number } => {
  const layer: LstmLayer | RecurrentLayer = network.layers[0]!;
  const gates: GateRange = { first: 0, count: gatesOf(layer), units: layer.units };
  const outputs = gates.count * gates.units;
  const rows = gates.count * padded(gates.units);
  const table = firstLayerTable(network);
  if (!int8) {
    const values = arena.place(network.vocabulary * rows * 4, (buffer, address) => {
      const placed = new Float32Array(buffer, address, network.vocabulary * rows);
      for (let id = 0; id < network.vocabulary; id++) {
        const row = table.subarray(id * outputs, (id + 1) * outputs);
        placed.set(
          spread(
            row.map((value, i) => value + layer.bias[i]!),
            gates,
          ),
          id * rows,
        );
      }
    });
    return { values, scales: 0 };
  }
  const quantised = quantiseTable(table, outputs);
  const values = arena.place(network.vocabulary * rows, (buffer, address) => {
    const placed = new Int8Array(buffer, address, network.vocabulary * rows);
    for (let id = 0; id < network.vocabulary; id++) {
      for (let gate = 0; gate < gates.count; gate++) {
        const from = id * outputs + gate * gates.units;
        placed.set(
          quantised.values.subarray(from, from + gates.units),
          id * rows + gate * padded(gates.units),
        );
      }
    }
  });
  return { values, scales: arena.placeFloats(spread(quantised.scales, gates)) };
};

const viewsOf = (memory: WebAssembly.Memory): { words: Uint32Array; floats: Float32Array } => ({
  words: new Uint32Array(memory.buffer),
  floats: new Float32Array(memory.buffer),
});
