import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cacheFolder } from '../../src/cache-folder.ts';
import type { LstmNetwork } from '../networks.ts';
import { pythonWith, rivalPackage } from './install.ts';

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

const converter = new URL('onnx_models.py', import.meta.url).pathname;

/** Writes the network in the forms that `onnx_models.py` lists. @returns their folder */
export const onnxModels = ({ vocabulary, layers, output }: LstmNetwork): string => {
  const arrays = [
    ...layers.flatMap(({ kernel, recurrent, bias }) => [kernel, recurrent, bias]),
    output.kernel,
    output.bias,
  ];
  const weights = Buffer.concat(
    arrays.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)),
  );
  const digest = createHash('sha256').update(weights).digest('hex').slice(0, 16);
  const folder = cacheFolder('onnx', 'models', digest);
  if (!existsSync(join(folder, 'int8-loop.onnx'))) {
    const shape = { vocabulary, units: layers.map(({ units }) => units) };
    writeFileSync(join(folder, 'network.json'), JSON.stringify(shape));
    writeFileSync(join(folder, 'weights.bin'), weights);
    execFileSync(pythonWith('onnx'), [converter, folder], { stdio: ['ignore', 'ignore', 'pipe'] });
  }
  return folder;
};

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

/** The graph that loops, in onnxruntime-web. @returns what makes the next characters, and says how many */
export const onnxWebText = async (
  folder: string,
  precision: 'f32' | 'int8',
  units: readonly number[],
): Promise<() => Promise<number>> => {
  const { session, Tensor } = await openModel('onnxruntime-web', join(folder, `${precision}-loop.onnx`));
  const feeds: Record<string, Tensor> = { id_first: new Tensor('int64', BigInt64Array.of(0n), [1, 1]) };
  units.forEach((size, layer) => {
    for (const state of ['h', 'c'])
      feeds[`${state}${layer}_first`] = new Tensor('float32', new Float32Array(size), [1, 1, size]);
  });
  return async () => {
    const results = await session.run(feeds);
    for (const name of Object.keys(feeds)) feeds[name] = results[name.replace('_first', '_last')]!;
    return results.characters!.data.length;
  };
};

/** A program that generates: of each line of milliseconds that it is given, it makes characters a second. */
export interface TextProcess {
  /** @returns characters a second */
  measure(milliseconds: number): Promise<number>;
  dispose(): void;
}

const textProcess = async (python: string, parameters: readonly string[]): Promise<TextProcess> => {
  const { stdin, stdout } = spawn(python, parameters, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value } = await lines.next();
    if (value === undefined) throw new Error(`${parameters[0]} ended`);
    return value;
  };
  await next(); // the first characters: it is warm
  return {
    async measure(milliseconds) {
      stdin.write(`${milliseconds}\n`);
      return Number(await next());
    },
    dispose: () => void stdin.end(),
  };
};

/**
 * onnxruntime's fastest way: 256 characters in one call of a graph that loops, in Python, where the newest version is.
 * One thread.
 */
export const onnxLoop = (
  folder: string,
  precision: 'f32' | 'int8',
  units: readonly number[],
): Promise<TextProcess> =>
  textProcess(pythonWith('onnx'), [
    new URL('onnx_loop.py', import.meta.url).pathname,
    join(folder, `${precision}-loop.onnx`),
    ...units.map(String),
  ]);

/** The network in OpenVINO's own operations. One thread. */
export const openvinoText = (folder: string, precision: 'f32' | 'int8'): Promise<TextProcess> =>
  textProcess(pythonWith('openvino'), [
    new URL('openvino_text.py', import.meta.url).pathname,
    folder,
    precision,
  ]);
