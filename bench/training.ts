import { benchOptions, interleave, type Measured, type Ratio, report, type Subject } from './harness.ts';
import { folioTraining } from './rivals/folio-training.ts';
import { openPyTorch, type TrainingCase } from './rivals/pytorch.ts';
import { layersTraining } from './rivals/tfjs-layers.ts';

/**
 * Characters a second of training: the fast loop, stock tf.layers in the same tfjs-node, and PyTorch's nn.LSTM. All
 * do one-hot characters, LSTM layers, a softmax and Adam in float32, on every core; the two that can also multiply in bfloat16. Ours also clips by global norm
 * and carries its state; what the rivals are fed is prepared before their time is taken.
 */
const STEPS = 3; // a measurement

const trainingCases: readonly TrainingCase[] = ['1x128', '1x512', '2x512'].flatMap((network) =>
  ['64x100', '128x64', '32x64'].map((size) => {
    const [layers, units] = network.split('x').map(Number) as [number, number];
    const [batch, length] = size.split('x').map(Number) as [number, number];
    return { name: `${network}@${size}`, vocabulary: 65, layers, units, batch, length };
  }),
);

const { json, rounds, wanted } = benchOptions(5);
const pytorch = await openPyTorch();
const cases: Measured[] = [];
for (const one of trainingCases) {
  const makers = {
    folio: () => folioTraining(one, 'f32'),
    'folio-bf16': () => folioTraining(one, 'bf16'),
    'tfjs-layers': () => layersTraining(one),
    ...(pytorch === undefined
      ? {}
      : {
          pytorch: () => pytorch.training(one, 'f32'),
          'pytorch-bf16': () => pytorch.training(one, 'bf16'),
        }),
  };
  const subjects: Subject[] = [];
  const closing: (() => void)[] = [];
  for (const [subject, make] of Object.entries(makers)) {
    if (!wanted(one.name, subject)) continue;
    const { rate, close } = await make();
    await rate(1); // warm
    subjects.push({ case: one.name, subject, unit: 'characters/s', measure: () => rate(STEPS) });
    closing.push(close);
  }
  cases.push(...(await interleave(subjects, rounds)));
  for (const close of closing) close();
}
pytorch?.close();

const ratio = (what: string, b: string, a = 'folio'): Ratio[] =>
  trainingCases.map(({ name }) => ({ what: `${name} ${what}`, case: name, a, b }));

report(cases, {
  json,
  ratios: [
    ...ratio('over stock tf.layers', 'tfjs-layers'),
    ...ratio('over PyTorch', 'pytorch'),
    ...ratio('in bfloat16 over float32', 'folio', 'folio-bf16'),
    ...ratio('in bfloat16 over PyTorch’s autocast', 'pytorch-bf16', 'folio-bf16'),
  ],
  notes:
    pytorch === undefined
      ? [
          'PyTorch is left out: `python3 -c "import torch"` fails here. To have it: python3 -m pip install torch',
        ]
      : [`PyTorch ${pytorch.version}, TensorFlow under tfjs-node and the fast loop alike.`],
});
