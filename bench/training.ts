import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { FastLoop, noDropout, zeroState } from '../training/fast-loop.ts';
import { Kernels } from '../training/kernels.ts';
import { initialWeights, type NetworkShape, setWeights, stockModel, swapGates } from '../training/network.ts';
import { freshState, Optimiser } from '../training/optimiser.ts';
import { mulberry32 } from '../training/random.ts';
import { setUpTensorFlow } from '../training/setup-tensorflow.ts';
import { loadTensorFlow } from '../training/tensorflow.ts';
import { arguments_, interleave, report, type Subject } from './harness.ts';

/**
 * Characters a second of training: the fast loop, stock tf.layers in the same tfjs-node, and PyTorch's nn.LSTM. All
 * do one-hot characters of 65, LSTM layers, a softmax and Adam in float32, on every core. Ours also clips by global
 * norm and carries its state; none of the rivals' inputs are prepared within the time that is taken.
 */
const VOCABULARY = 65;
const STEPS = 3; // a measurement

const cases = ['1x128', '1x512', '2x512'].flatMap((network) =>
  ['64x100', '128x64'].map((size) => ({
    name: `${network}@${size}`,
    layers: Number(network.split('x')[0]),
    units: Number(network.split('x')[1]),
    batch: Number(size.split('x')[0]),
    length: Number(size.split('x')[1]),
  })),
);
type Case = (typeof cases)[number];
