import { quantise } from './gates';
import { Network } from './layout';
import { advanceF32, advanceInt8, layerAt } from './step';

export { compress, zeroBlocks } from './block-sparse';
export { finishInt8, finishTable, packF32, packHalves, packInt8, packTable, widen } from './pack';
export { finishInt4, packInt4 } from './pack-int4';
export { fusedDot, streamable } from './product-int8';
export { shutdown, stepInParts, stepTogether, work } from './worker-pool';

/** The first address that the host may use. */
export function heapBase(): usize {
  return __heap_base;
}

export function stepF32(network: Network, n: i32): void {
  advanceF32(network, 0, 0, n);
}

export function stepInt8(network: Network, n: i32): void {
  advanceInt8(network, 0, 0, n);
}

/** After a state was written from outside: its bytes, for every layer. */
export function quantiseState(network: Network, slot: usize): void {
  for (let l = 0; l < network.depth; l++) {
    const layer = layerAt(network, l);
    quantise(layer, slot + layer.state, 0, layer.paddedUnits);
  }
}
