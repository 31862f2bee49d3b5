import { join } from 'node:path';
import type { LstmNetwork } from '../networks.ts';
import { TEMPERATURE } from '../sampling.ts';
import { rivalPackage } from './install.ts';

interface Tensor {
  readonly data: Float32Array;
}

interface OnnxRuntime {
  readonly env: { readonly wasm?: { numThreads?: number } };
  readonly Tensor: new (type: string, data: Float32Array | BigInt64Array, dims: readonly number[]) => Tensor;
  readonly InferenceSession: {
    create(
      path: string,
      options: object,
    ): Promise<{ run(feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> }>;
  };
}

const LOOP = 256; // characters a call, as in onnx_models.py

type OnnxPackage = 'onnxruntime-node' | 'onnxruntime-web';

/** A model of `onnx_models.py` on one thread. */
const openModel = async (name: OnnxPackage, path: string) => {
  const { env, InferenceSession, Tensor } = rivalPackage(name) as OnnxRuntime;
  if (env.wasm) env.wasm.numThreads = 1;
  const session = await InferenceSession.create(path, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
  });
  return { session, Tensor };
};

/** One run, a call a character. @returns a step from a character to its logits */
export const onnxStep = async (
  folder: string,
  form: 'f32' | 'int8' | 'int8-channel',
  units: readonly number[],
  name: OnnxPackage = 'onnxruntime-node',
): Promise<(id: number) => Promise<Float32Array>> => {
  const { session, Tensor } = await openModel(name, join(folder, `${form}.onnx`));
  const feeds: Record<string, Tensor> = {};
  units.forEach((size, layer) => {
    feeds[`h${layer}`] = new Tensor('float32', new Float32Array(size), [1, 1, size]);
    feeds[`c${layer}`] = new Tensor('float32', new Float32Array(size), [1, 1, size]);
  });
  return async (id) => {
    feeds.id = new Tensor('int64', BigInt64Array.of(BigInt(id)), [1, 1]);
    const results = await session.run(feeds);
    units.forEach((_, layer) => {
      feeds[`h${layer}`] = results[`h${layer}_out`]!;
      feeds[`c${layer}`] = results[`c${layer}_out`]!;
    });
    return results.logits!.data;
  };
};

/** Added to logits, it makes the likeliest a sample at the temperature (Gumbel 1954). */
const noise = (length: number): Float32Array => {
  const values = new Float32Array(length);
  for (let i = 0; i < length; i++) values[i] = -TEMPERATURE * Math.log(-Math.log(Math.random()));
  return values;
};

/** The graph that loops, in onnxruntime-web. @returns what makes the next characters, and says how many */
export const onnxWebText = async (
  folder: string,
  precision: 'f32' | 'int8',
  { vocabulary, layers }: LstmNetwork,
): Promise<() => Promise<number>> => {
  const { session, Tensor } = await openModel('onnxruntime-web', join(folder, `${precision}-loop.onnx`));
  const carried: Record<string, Tensor> = { id_first: new Tensor('int64', BigInt64Array.of(0n), [1, 1]) };
  layers.forEach(({ units }, layer) => {
    for (const state of ['h', 'c'])
      carried[`${state}${layer}_first`] = new Tensor('float32', new Float32Array(units), [1, 1, units]);
  });
  return async () => {
    const added = new Tensor('float32', noise(LOOP * vocabulary), [LOOP, 1, vocabulary]);
    const results = await session.run({ ...carried, noise: added });
    for (const name of Object.keys(carried)) carried[name] = results[name.replace('_first', '_last')]!;
    return results.characters!.data.length;
  };
};
