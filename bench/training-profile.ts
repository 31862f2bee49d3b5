import { performance } from 'node:perf_hooks';
import { bindingOf, loadTensorFlow } from '../training/loop/tensorflow.ts';
import { folioTraining } from './rivals/folio-training.ts';
import type { TrainingCase } from './rivals/pytorch.ts';

/**
 * `npm run bench:training-profile`: where a step of training spends its time, by TensorFlow kernel: every call of the
 * binding is timed, and what is left is JavaScript. The kernels are called one by one for it; a long training runs them as one graph. Shares hold on a loaded machine better than milliseconds do.
 *
 *   node bench/training-profile.ts [CASE…]   such as 1x512@32x64
 */
const STEPS = 6;
const SHOWN = 0.01; // of a step, at least

const cases = process.argv.slice(2).length > 0 ? process.argv.slice(2) : ['1x512@32x64', '1x512@128x64'];
const tf = loadTensorFlow();
const binding = bindingOf(tf);
const times = new Map<string, { calls: number; milliseconds: number }>();
/** The same function, its time kept under a name, or under its first argument. */
const timed =
  <Arguments extends unknown[], Result>(
    call: (...given: Arguments) => Result,
    what?: string,
  ): ((...given: Arguments) => Result) =>
  (...given) => {
    const began = performance.now();
    const result = call.apply(binding, given);
    const name = what ?? String(given[0]);
    const { calls, milliseconds } = times.get(name) ?? { calls: 0, milliseconds: 0 };
    times.set(name, { calls: calls + 1, milliseconds: milliseconds + performance.now() - began });
    return result;
  };
// The binding's own functions cannot be replaced: an object in front of it has the timed ones.
const inFront = Object.create(binding, {
  executeOp: { value: timed(binding.executeOp) },
  createTensor: { value: timed(binding.createTensor, 'making tensors') },
  deleteTensor: { value: timed(binding.deleteTensor, 'freeing tensors') },
  tensorDataSync: { value: timed(binding.tensorDataSync, 'reading tensors') },
});
Object.assign(tf.backend(), { binding: inFront });

for (const name of cases) {
  const [layers, units, batch, length] = name.split(/[x@]/).map(Number);
  if (!layers || !units || !batch || !length) throw new Error(`${name}: expected LAYERSxUNITS@BATCHxLENGTH`);
  const one: TrainingCase = { name, vocabulary: 65, layers, units, batch, length };
  const { rate, close } = folioTraining(one, 'f32', false);
  await rate(2); // warm
  times.clear();
  const began = performance.now();
  await rate(STEPS);
  const total = (performance.now() - began) / STEPS;
  close();
  const rows = [...times].map(([kernel, { calls, milliseconds }]) => ({
    kernel,
    calls: calls / STEPS,
    milliseconds: milliseconds / STEPS,
  }));
  const inside = rows.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const small = rows.filter(({ milliseconds }) => milliseconds < SHOWN * total);
  const shown = [
    ...rows.filter(({ milliseconds }) => milliseconds >= SHOWN * total),
    {
      kernel: `${small.length} others`,
      calls: small.reduce((sum, { calls }) => sum + calls, 0),
      milliseconds: small.reduce((sum, { milliseconds }) => sum + milliseconds, 0),
    },
    { kernel: 'JavaScript', calls: 0, milliseconds: total - inside },
  ].sort((a, b) => b.milliseconds - a.milliseconds);
  process.stdout.write(
    `\n${name}: ${total.toFixed(0)} ms a step\n\n| kernel | calls a step | ms a step | share |\n|---|---|---|---|\n`,
  );
  for (const { kernel, calls, milliseconds } of shown)
    process.stdout.write(
      `| ${kernel} | ${Math.round(calls)} | ${milliseconds.toFixed(1)} | ${((100 * milliseconds) / total).toFixed(1)} % |\n`,
    );
}
