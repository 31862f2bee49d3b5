import { execFileSync } from 'node:child_process';
import type * as tfjs from '@tensorflow/tfjs';
import { loadTensorFlow, type TensorFlow } from '../../training/loop/tensorflow.ts';
import type { LstmNetwork } from '../networks.ts';
import { rivalPackage } from './install.ts';

const WINDOW = 40; // characters, as in tfjs-examples' lstm-text-generation

/** tfjs-node, set up first where it is missing. */
export const tensorFlow = (): TensorFlow => {
  try {
    return loadTensorFlow();
  } catch {
    execFileSync('npm', ['run', '-s', 'setup:tensorflow'], { stdio: ['ignore', process.stderr, 'inherit'] });
    return loadTensorFlow();
  }
};

/** tfjs' WebAssembly backend, as in a page, on one thread. */
export const wasmTensorFlow = async (): Promise<TensorFlow> => {
  const tf = rivalPackage('@tensorflow/tfjs') as TensorFlow;
  const { setWasmPaths, setThreadsCount } = rivalPackage('@tensorflow/tfjs-backend-wasm') as {
    setWasmPaths(folder: string): void;
    setThreadsCount(count: number): void;
  };
  const dist = new URL('../node_modules/@tensorflow/tfjs-backend-wasm/dist/', import.meta.url);
  setWasmPaths(dist.pathname);
  setThreadsCount(1);
  await tf.setBackend('wasm');
  return tf;
};

type Step = (id: number) => Float32Array;

/** The network as a LayersModel with stock layers. */
const layersModel = (
  tf: TensorFlow,
  network: LstmNetwork,
  { batchInputShape, stateful }: { batchInputShape: number[]; stateful: boolean },
): tfjs.Sequential => {
  const model = tf.sequential();
  network.layers.forEach(({ units }, index) => {
    model.add(
      tf.layers.lstm({
        units,
        stateful,
        recurrentActivation: 'sigmoid',
        kernelInitializer: 'zeros',
        recurrentInitializer: 'zeros',
        returnSequences: index < network.layers.length - 1,
        ...(index === 0 ? { batchInputShape } : {}),
      }),
    );
  });
  model.add(tf.layers.dense({ units: network.vocabulary, kernelInitializer: 'zeros' }));
  network.layers.forEach(({ inputs, units, kernel, recurrent, bias }, index) => {
    model.layers[index]!.setWeights([
      tf.tensor(kernel, [inputs, 4 * units]),
      tf.tensor(recurrent, [units, 4 * units]),
      tf.tensor(bias, [4 * units]),
    ]);
  });
  const { inputs, kernel, bias } = network.output;
  model.layers
    .at(-1)!
    .setWeights([tf.tensor(kernel, [inputs, network.vocabulary]), tf.tensor(bias, [network.vocabulary])]);
  return model;
};

/** The way of tfjs-examples: the last 40 characters go through the whole model again for each new one. */
export const windowStep = (tf: TensorFlow, network: LstmNetwork): Step => {
  const model = layersModel(tf, network, {
    batchInputShape: [1, WINDOW, network.vocabulary],
    stateful: false,
  });
  const window = new Array<number>(WINDOW).fill(0);
  return (id) => {
    window.shift();
    window.push(id);
    return tf.tidy(() => {
      const input = tf.oneHot(tf.tensor2d([window], [1, WINDOW], 'int32'), network.vocabulary);
      return (model.predict(input.toFloat()) as tfjs.Tensor).dataSync() as Float32Array;
    });
  };
};

/** `predict` of one character on a stateful model. */
export const statefulStep = (tf: TensorFlow, network: LstmNetwork): Step => {
  const model = layersModel(tf, network, { batchInputShape: [1, 1, network.vocabulary], stateful: true });
  return (id) =>
    tf.tidy(() => {
      const input = tf.oneHot(tf.tensor2d([[id]], [1, 1], 'int32'), network.vocabulary);
      return (model.predict(input.toFloat()) as tfjs.Tensor).dataSync() as Float32Array;
    });
};

/** The step in tfjs' own operations, the one-hot product a row look-up: the best that tfjs-node does. */
export const rawStep = (tf: TensorFlow, network: LstmNetwork): Step => {
  const layers = network.layers.map(({ inputs, units, kernel, recurrent, bias }) => ({
    units,
    kernel: tf.tensor2d(kernel, [inputs, 4 * units]),
    recurrent: tf.tensor2d(recurrent, [units, 4 * units]),
    bias: tf.tensor1d(bias),
    h: tf.zeros<tfjs.Rank.R2>([1, units]),
    c: tf.zeros<tfjs.Rank.R2>([1, units]),
  }));
  const dense = tf.tensor2d(network.output.kernel, [network.output.inputs, network.vocabulary]);
  const bias = tf.tensor1d(network.output.bias);
  return (id) =>
    tf.tidy(() => {
      let below: tfjs.Tensor2D | undefined;
      for (const layer of layers) {
        const fromInput: tfjs.Tensor2D =
          below === undefined
            ? tf.slice2d(layer.kernel, [id, 0], [1, 4 * layer.units])
            : tf.matMul(below, layer.kernel);
        const sums = tf.addN([fromInput, tf.matMul(layer.h, layer.recurrent)]).add(layer.bias);
        const [i, f, g, o] = tf.split(sums as tfjs.Tensor2D, 4, 1) as tfjs.Tensor2D[];
        const c = tf.keep(
          tf.add<tfjs.Tensor2D>(tf.mul(tf.sigmoid(f!), layer.c), tf.mul(tf.sigmoid(i!), tf.tanh(g!))),
        );
        const h = tf.keep(tf.mul<tfjs.Tensor2D>(tf.sigmoid(o!), tf.tanh(c)));
        tf.dispose([layer.h, layer.c]);
        Object.assign(layer, { h, c });
        below = h;
      }
      return tf.add(tf.matMul(below!, dense), bias).dataSync() as Float32Array;
    });
};
