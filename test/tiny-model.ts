import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { versionName } from '../src/store/model-name.ts';
import { publishVersion } from '../src/store/models.ts';
import type { Store } from '../src/store/store.ts';

export interface TinyModelOptions {
  /** Default: newline, space, a to z, A to Z and some marks. */
  readonly alphabet?: string;
  /** Of each LSTM layer. Default [8]. */
  readonly units?: readonly number[];
  /** Weights follow from it. Default 1. */
  readonly seed?: number;
  readonly name?: string;
  readonly createdAt?: Date;
}

export interface TinyModel {
  readonly name: string;
  readonly version: string;
  readonly alphabet: readonly string[];
  /** `model.json` and `weights-1-of-1.bin`, as the trainer publishes them. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

const letters = "\n abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,:;!?'-";

/** A small random model in the very format of a trained one; the same options give the same bytes. */
export function tinyModel(options: TinyModelOptions = {}): TinyModel {
  const { units = [8], seed = 1, name = 'tiny', createdAt = new Date('2026-01-02T03:04:05Z') } = options;
  const alphabet = [...(options.alphabet ?? letters)];
  const specs = [
    ...units.flatMap((size, i) => [
      { name: `lstm_${i + 1}/kernel`, shape: [units[i - 1] ?? alphabet.length, 4 * size] },
      { name: `lstm_${i + 1}/recurrent_kernel`, shape: [size, 4 * size] },
      { name: `lstm_${i + 1}/bias`, shape: [4 * size] },
    ]),
    { name: 'characters/kernel', shape: [units.at(-1)!, alphabet.length] },
    { name: 'characters/bias', shape: [alphabet.length] },
  ].map((spec) => ({ ...spec, dtype: 'float32' }));
  const count = specs.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);
  const random = lehmer(seed);
  const values = Float32Array.from({ length: count }, () => 3 * random() - 1.5);
  const weights = new Uint8Array(values.buffer);

  const modelTopology = {
    class_name: 'Sequential',
    config: {
      name: 'folio',
      layers: [
        ...units.map((size, i) => ({
          class_name: 'LSTM',
          config: {
            name: `lstm_${i + 1}`,
            units: size,
            activation: 'tanh',
            recurrent_activation: 'sigmoid',
            use_bias: true,
            unit_forget_bias: true,
            return_sequences: true,
            return_state: false,
            go_backwards: false,
            stateful: false,
            unroll: false,
            dropout: 0,
            recurrent_dropout: 0,
            trainable: true,
            ...(i === 0 ? { batch_input_shape: [null, null, alphabet.length], dtype: 'float32' } : {}),
          },
        })),
        {
          class_name: 'Dense',
          config: {
            name: 'characters',
            units: alphabet.length,
            activation: 'softmax',
            use_bias: true,
            trainable: true,
          },
        },
      ],
    },
    keras_version: 'tfjs-layers 4.22.0',
    backend: 'tensor_flow.js',
  };
  const weightsManifest = [{ paths: ['weights-1-of-1.bin'], weights: specs }];
  const digest = `sha256:${createHash('sha256')
    .update(JSON.stringify(modelTopology))
    .update(JSON.stringify(weightsManifest))
    .update(weights)
    .digest('hex')}`;
  const version = versionName(createdAt, digest);
  const model = {
    format: 'layers-model',
    generatedBy: 'TensorFlow.js tfjs-layers v4.22.0',
    convertedBy: null,
    modelTopology,
    weightsManifest,
    userDefinedMetadata: {
      folio: { format: 1, name, version, createdAt: createdAt.toISOString(), alphabet, preset: 'random' },
    },
  };
  return {
    name,
    version,
    alphabet,
    files: new Map([
      ['weights-1-of-1.bin', weights],
      ['model.json', new TextEncoder().encode(JSON.stringify(model))],
    ]),
  };
}

/** Publishes a tiny model into a store. @returns it */
export async function publishTinyModel(store: Store, options: TinyModelOptions = {}): Promise<TinyModel> {
  const model = tinyModel(options);
  await publishVersion(store, model);
  return model;
}

/** Writes a tiny model's files into a folder. @returns it */
export async function writeTinyModel(folder: string, options: TinyModelOptions = {}): Promise<TinyModel> {
  const model = tinyModel(options);
  for (const [file, bytes] of model.files) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), bytes);
  }
  return model;
}

/** Park and Miller's generator: 0 to 1. */
function lehmer(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}
