import { Arena } from '../src/model/kernel/arena.ts';
import { compileAssembly } from '../src/model/kernel/build.ts';
import { type KernelExports, relaxedSimdSupported } from '../src/model/kernel/kernel-module.ts';
import { Packer } from '../src/model/kernel/packing/packer.ts';
import { layOut, placeNetwork } from '../src/model/kernel/place-network.ts';
import { PRECISIONS, type Precision } from '../src/model/stepper.ts';
import { committedNetwork } from './committed-network.ts';
import { benchOptions, interleave, type Measured, report, type Subject } from './harness.ts';
import { benchNetwork, type LstmNetwork, published, sizes } from './networks.ts';
import { sampling } from './sampling.ts';

/**
 * Where the time of a step goes: each part of it by itself, over and over, on one thread. What was just read lies in the
 * caches then, so parts of a large network are measured at their best; `rest` is the step less its parts.
 */

/** As in `src/model/kernel/assembly/parts.ts`, in this order. */
const parts = [
  'step',
  'row and bias',
  'input product',
  'recurrent product',
  'gates',
  'quantising',
  'output',
] as const;
const SPAN = 20; // milliseconds that a measurement lasts at least

interface PartsExports extends KernelExports {
  repeat(network: number, int8: number, part: number, times: number): void;
}

const module = new WebAssembly.Module(
  await compileAssembly(relaxedSimdSupported() ? 'relaxed' : 'plain', 'parts.ts'),
);

/** The network in an instance of the parts' kernel. @returns what does a part so many times over, and the logits */
const place = (
  network: LstmNetwork,
  precision: Precision,
): { repeat(part: number, times: number): void; logits: Float32Array } => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65_536, shared: true });
  const kernel = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as PartsExports;
  const arena = new Arena(memory, kernel.heapBase());
  const layout = layOut(network);
  const buffers = { slots: arena.place(4), ids: arena.place(4), logits: arena.place(4 * network.vocabulary) };
  const { address } = placeNetwork(
    arena,
    published(network),
    layout,
    precision,
    buffers,
    1,
    new Packer({ kernel, arena }, true),
    { pairs: false },
  );
  const slot = arena.place(layout.slotBytes);
  arena.commit();
  new Uint32Array(memory.buffer).set([slot, 1], buffers.slots >> 2);
  new Uint32Array(memory.buffer)[buffers.ids >> 2] = 1;
  const int8 = precision === 'f32' ? 0 : 1;
  if (int8) kernel.quantiseState(address, slot);
  return {
    repeat: (part, times) => kernel.repeat(address, int8, part, times),
    logits: new Float32Array(memory.buffer, buffers.logits, network.vocabulary),
  };
};

/** @returns microseconds that `run` takes for one of so many times */
const microseconds = (run: (times: number) => void): number => {
  let times = 1;
  for (;;) {
    const start = performance.now();
    run(times);
    const elapsed = performance.now() - start;
    if (elapsed >= SPAN) return (1000 * elapsed) / times;
    times = Math.max(2 * times, Math.ceil((times * 1.2 * SPAN) / Math.max(elapsed, 0.01)));
  }
};

const { json, rounds, wanted } = benchOptions(15);
const networks: Record<string, () => LstmNetwork> = { committed: committedNetwork };
for (const [name, units] of Object.entries(sizes)) networks[name] = () => benchNetwork(units);

const cases: Measured[] = [];
for (const [name, make] of Object.entries(networks)) {
  for (const precision of PRECISIONS) {
    if (!wanted(name, precision)) continue;
    const { repeat, logits } = place(make(), precision);
    const subjects: Subject[] = parts.map((subject, part) => ({
      case: `${name} ${precision}`,
      subject,
      unit: 'us',
      measure: () => microseconds((times) => repeat(part, times)),
    }));
    repeat(0, 64);
    const sample = sampling(logits.length);
    const kept = logits.slice();
    subjects.push({
      case: `${name} ${precision}`,
      subject: 'sampler',
      unit: 'us',
      measure: () =>
        microseconds((times) => {
          for (let i = 0; i < times; i++) sample(kept);
        }),
    });
    const measured = await interleave(subjects, rounds);
    const [step, ...others] = measured.slice(0, parts.length);
    const rest = step!.runs.map(
      (run, round) => run - others.reduce((sum, { runs }) => sum + runs[round]!, 0),
    );
    const median = rest.toSorted((a, b) => a - b)[rest.length >> 1]!;
    cases.push(...measured, { case: step!.case, subject: 'rest', unit: 'us', median, runs: rest });
  }
}
report(cases, { json });
