import { checkState, Slots } from '../decode/slots.ts';
import type { Halves } from '../format/halves.ts';
import { type Network, stateLength } from '../network.ts';
import type { KernelInfo, Precision, Stepper } from '../stepper.ts';
import { Arena } from './arena.ts';
import { instantiateKernel, kernelBuild, relaxedSimdSupported } from './kernel-module.ts';
import { Packer, type ReadingOrder } from './packing/packer.ts';
import { layOut, placeNetwork, STEP_BUFFERS_WORD } from './place-network.ts';
import { createWorkerPool, partsOf, type Threads, type WorkerPool } from './threads/worker-pool.ts';

export interface KernelOptions {
  /** The kernel as the host compiled it. Default: compiled here. */
  readonly compiled?: WebAssembly.Module | undefined;
  /** Default: whether this host has relaxed SIMD. */
  readonly relaxed?: boolean;
  /** Default: whether this host has the dot product with addition as an instruction. Either way gives the same bits. */
  readonly fusedDot?: boolean;
  /** Leave out blocks of zero weights where there are enough. Default true. Either way gives the same bits. */
  readonly blockSparse?: boolean;
  /**
   * In f32, keep as halves the weights that were published as halves. Default: where a network is larger than most caches.
   * Either way gives the same bits.
   */
  readonly halves?: boolean | undefined;
  /** In which order matrices lie in memory, and are read. Default: the one that is read soonest. Any gives the same bits. */
  readonly order?: ReadingOrder | undefined;
  /** Share steps of several sequences, and of one where the network is large. Default: the caller's thread alone. */
  readonly threads?: Threads | undefined;
}

export interface KernelStepper extends Stepper {
  readonly kernel: KernelInfo;
}

/**
 * The network in the WebAssembly kernel, weights packed for streaming reads.
 *
 * int8 and int4 give the same bits on every host and in either build; f32 may differ in the last place where the host fuses
 * a multiplication with an addition.
 *
 * @throws FolioError `model_unsupported` when the host gives too little memory
 */
export const createKernelStepper = (
  network: Network<Halves>,
  precision: Precision,
  {
    compiled,
    relaxed = compiled === undefined && relaxedSimdSupported(),
    fusedDot,
    blockSparse = true,
    halves,
    order,
    threads,
  }: KernelOptions = {},
): KernelStepper => {
  let kernel = instantiateKernel({ compiled, relaxed });
  if (fusedDot !== undefined) kernel.fusedDot.value = Number(fusedDot);
  const arena = new Arena(kernel.memory, kernel.heapBase());
  const layout = layOut(network);
  const int8 = precision !== 'f32'; // int4 has the states and the steps of int8
  const { vocabulary } = network;
  const length = stateLength(network);
  const slots = new Slots(vocabulary);
  const addresses: number[] = [];
  // The host's module has a memory of its own, which threads cannot share.
  let available = compiled === undefined && threads && threads.count > 1 ? threads : undefined;
  let pool: WorkerPool | undefined;
  let multiplied = 0; // bytes of weights, in steps that threads could share

  const buffers = {
    sequences: 1,
    slots: arena.place(4),
    ids: arena.place(4),
    logits: arena.place(4 * vocabulary),
  };
  const build = compiled ? 'given' : kernelBuild(relaxed, kernel.fusedDot.value === 1);
  const packer = new Packer({ kernel, arena }, blockSparse, compiled);
  const placed = placeNetwork(arena, network, layout, precision, buffers, available?.count ?? 1, packer, {
    halves,
    order,
    pairs: build === 'relaxed-wide',
  });
  const header = placed.address;
  const sharesOne = available !== undefined && partsOf(placed, available) > 1;
  arena.commit();

  let { words, floats } = viewsOf(kernel.memory);
  const grown = (): void => {
    arena.commit();
    if (words.buffer !== kernel.memory.buffer) ({ words, floats } = viewsOf(kernel.memory));
  };

  const growBuffers = (sequences: number): void => {
    buffers.sequences = 2 ** Math.ceil(Math.log2(sequences));
    buffers.slots = arena.place(4 * buffers.sequences);
    buffers.ids = arena.place(4 * buffers.sequences);
    buffers.logits = arena.place(4 * buffers.sequences * vocabulary);
    grown();
    words.set([buffers.slots, buffers.ids, buffers.logits], (header >> 2) + STEP_BUFFERS_WORD);
  };

  /** Moves into a memory that threads can share: only now, for most models never need it. */
  const startPool = (workers: Threads): WorkerPool | undefined => {
    try {
      const shared = instantiateKernel({ relaxed, shared: true });
      shared.fusedDot.value = kernel.fusedDot.value;
      arena.moveTo(shared.memory);
      kernel = shared;
    } catch {
      return undefined; // no such memory here: the caller's thread goes on alone
    }
    ({ words, floats } = viewsOf(kernel.memory));
    const started = createWorkerPool(kernel, arena, placed, int8, workers);
    shutDownWithStepper().register(stepper, started);
    return started;
  };

  let view = floats.subarray(0, 0);
  const logits = (n: number): Float32Array => {
    if (
      view.buffer !== floats.buffer ||
      view.byteOffset !== buffers.logits ||
      view.length !== n * vocabulary
    ) {
      view = floats.subarray(buffers.logits >> 2, (buffers.logits >> 2) + n * vocabulary);
    }
    return view;
  };

  const write = (slot: number, state: Float32Array): void => {
    pool?.forget();
    let from = 0;
    for (const { address, units } of layout.vectors) {
      floats.set(state.subarray(from, from + units), (addresses[slot]! + address) >> 2);
      from += units;
    }
    if (int8) kernel.quantiseState(header, addresses[slot]!);
  };

  const zeros = new Float32Array(length);
  const stepper: KernelStepper = {
    kernel: {
      build,
      threads: available?.count ?? 1,
      density: placed.density,
    },
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
      if (available && (n > 1 || sharesOne)) {
        multiplied += n * arena.byteLength;
        if (multiplied > available.startAfter) {
          pool = startPool(available);
          available = undefined;
        }
      }
      if (n > buffers.sequences) growBuffers(n);
      const slotsAt = buffers.slots >> 2;
      const idsAt = buffers.ids >> 2;
      for (let i = 0; i < n; i++) {
        words[slotsAt + i] = addresses[running[i]!]!;
        words[idsAt + i] = ids[i]!;
      }
      if (pool && (n > 1 || sharesOne)) pool.step(n);
      else if (int8) kernel.stepInt8(header, n);
      else kernel.stepF32(header, n);
      return logits(n);
    },
    dispose() {
      pool?.shutdown();
      pool = undefined;
      available = undefined;
    },
  };
  return stepper;
};

/** A stepper that nobody disposed of still ends its workers. */
let registry: FinalizationRegistry<WorkerPool> | undefined;
const shutDownWithStepper = (): FinalizationRegistry<WorkerPool> => {
  registry ??= new FinalizationRegistry((pool) => pool.shutdown()); // not while loaded: some hosts have none
  return registry;
};

const viewsOf = (memory: WebAssembly.Memory): { words: Uint32Array; floats: Float32Array } => ({
  words: new Uint32Array(memory.buffer),
  floats: new Float32Array(memory.buffer),
});
