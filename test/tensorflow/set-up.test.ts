import { expect, test } from 'vitest';
import { bindingOf, loadTensorFlow } from '../../training/loop/tensorflow.ts';
import { setUpTensorFlow } from '../../training/setup-tensorflow.ts';

test('setting up where it was done says which TensorFlow there is, and nothing else', async () => {
  const lines: string[] = [];
  const version = await setUpTensorFlow((line) => lines.push(line));
  expect(version).toBe(bindingOf(loadTensorFlow()).TF_Version);
  expect(lines).toEqual([]);
});

test('tfjs-node computes with it', () => {
  const tf = loadTensorFlow();
  expect(tf.getBackend()).toBe('tensorflow');
  expect([...tf.matMul(tf.tensor2d([[1, 2]]), tf.tensor2d([[3], [4]])).dataSync()]).toEqual([11]);
});
