import { stockModel } from '../../training/loop/network.ts';
import { loadTensorFlow } from '../../training/loop/tensorflow.ts';
import { setUpTensorFlow } from '../../training/setup-tensorflow.ts';
import type { Training, TrainingCase } from './pytorch.ts';

/** Characters of 65, always the same ones. */
export const randomIds = (count: number): Int32Array =>
  Int32Array.from({ length: count }, (_, index) => (Math.imul(index + 1, 0x9e3779b1) >>> 16) % 65);

await setUpTensorFlow((line) => process.stderr.write(`${line}\n`));

/** `trainOnBatch` of stock tf.layers, with Adam. */
export const layersTraining = ({ vocabulary, layers, units, batch, length }: TrainingCase): Training => {
  const tf = loadTensorFlow();
  const shape = { vocabulary, embedding: 0, units: Array<number>(layers).fill(units) };
  const model = stockModel(tf, shape);
  const random = model.getWeights().map(({ shape: size }) => tf.randomNormal(size, 0, 0.04));
  model.setWeights(random);
  tf.dispose(random);
  model.compile({ optimizer: tf.train.adam(1e-3), loss: 'categoricalCrossentropy' });
  const oneHot = () =>
    tf.tidy(() =>
      tf.oneHot(tf.tensor2d(randomIds(batch * length), [batch, length], 'int32'), vocabulary).toFloat(),
    );
  const [inputs, targets] = [oneHot(), oneHot()];
  return {
    rate: async (steps) => {
      const start = performance.now();
      for (let count = 0; count < steps; count += 1) {
        const loss = await model.trainOnBatch(inputs, targets);
        if (!Number.isFinite(Number(loss))) throw new Error('diverged');
      }
      return (1000 * steps * batch * length) / (performance.now() - start);
    },
    close: () => {
      tf.dispose([inputs, targets]);
      model.dispose();
    },
  };
};
