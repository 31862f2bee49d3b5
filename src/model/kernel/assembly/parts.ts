import { lstmGates, quantise } from './gates';
import { LSTM, Network } from './layout';
import { advanceF32, advanceInt8, cellOf, layerAt, pointer, productOf, startSums } from './step';

export * from './kernel';

/** As in bench/step-parts.ts, which alone compiles this file: the parts of an LSTM's step, each by itself. */
export const STEP = 0;
export const START = 1;
export const INPUT_PRODUCT = 2;
export const RECURRENT_PRODUCT = 3;
export const GATES = 4;
export const QUANTISING = 5;
export const OUTPUT = 6;

/** Does one part of a step of the first sequence for all layers, so many times over. */
export function repeat(network: Network, int8: bool, part: i32, times: i32): void {
  for (; times > 0; times--) {
    if (part == STEP) {
      if (int8) advanceInt8(network, 0, 0, 1);
      else advanceF32(network, 0, 0, 1);
    } else if (part == OUTPUT) output(network, int8);
    else for (let l = 0; l < network.depth; l++) ofLayer(network, l, int8, part);
  }
}

function ofLayer(network: Network, l: i32, int8: bool, part: i32): void {
  const layer = layerAt(network, l);
  if (layer.kind != LSTM) unreachable();
  const units = layer.paddedUnits;
  const rows = units << 2;
  const scratch = network.scratch;
  const area = pointer(scratch, 0);
  const sums = network.sums;
  const slots = network.slots;
  const h = pointer(slots, 0) + layer.state;
  if (part == START) startSums(network, layer, l > 0 ? -1 : load<i32>(network.ids), int8, rows, area + sums, 0, rows);
  else if (part == INPUT_PRODUCT) {
    if (l == 0) return;
    const below = layerAt(network, l - 1);
    productOf(
      int8, layer.input, 1, slots, below.state, below.paddedUnits, scratch, sums, 0, rows,
    );
  } else if (part == RECURRENT_PRODUCT) {
    productOf(int8, layer.recurrent, 1, slots, layer.state, units, scratch, sums, 0, rows);
  } else if (part == GATES) lstmGates(layer, area + sums, h, cellOf(h, units), 0, units);
  else if (part == QUANTISING && int8) quantise(layer, h, 0, units);
}

function output(network: Network, int8: bool): void {
  const rows = (network.vocabulary + 15) & ~15;
  const scratch = network.scratch;
  const area = pointer(scratch, 0);
  const top = layerAt(network, network.depth - 1);
  memory.copy(area + network.sums, network.outputBias, rows << 2);
  productOf(
    int8, network.output, 1, network.slots, top.state, top.paddedUnits, scratch, network.sums,
    0, rows,
  );
  memory.copy(network.logits, area + network.sums, network.vocabulary << 2);
}
