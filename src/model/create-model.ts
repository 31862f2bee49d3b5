import { unexpected } from '../errors.ts';
import { CompletionTask } from './decode/completion-task.ts';
import type { Engine } from './decode/engine.ts';
import { PrefixCache } from './decode/prefix-cache.ts';
import { Scheduler } from './decode/scheduler.ts';
import { score } from './decode/scoring.ts';
import { startSequence } from './decode/sequence.ts';
import { type Alphabet, createAlphabet } from './format/alphabet.ts';
import type { Halves } from './format/halves.ts';
import { createKernelStepper } from './kernel/kernel-stepper.ts';
import type { Threads } from './kernel/threads/worker-pool.ts';
import type { Model, ModelInfo } from './model.ts';
import { type Network, parameterCount } from './network.ts';
import type { Precision } from './stepper.ts';

export interface ModelParts {
  readonly network: Network<Halves>;
  /** Absent: the model speaks in ids. */
  readonly alphabet?: Alphabet;
  readonly info: Pick<ModelInfo, 'name' | 'version' | 'metadata' | 'alphabetFile'>;
  /** Gives what the model is known by. */
  readonly digest: () => string;
  /** The kernel as the host compiled it. Default: compiled here. */
  readonly kernel?: WebAssembly.Module;
  /** Default 'int8': several times faster than f32, and the same text on every host. */
  readonly precision?: Precision;
  /** Bytes for the states of prompts' beginnings. Default 4 MiB. */
  readonly prefixCacheBytes?: number;
  /** Share the work of a step. Default: the caller's thread alone. */
  readonly threads?: Threads;
}

/** A model from a network in memory. */
export const createModel = (parts: ModelParts): Model => {
  const { network, info, digest, precision = 'int8', prefixCacheBytes = 2 ** 22 } = parts;
  const stepper = createKernelStepper(network, precision, {
    compiled: parts.kernel,
    threads: parts.threads,
  });
  const alphabet = parts.alphabet ?? createAlphabet(undefined, network.vocabulary);
  const layers = network.layers.map(({ kind, units }) => ({ kind, units }));
  const parameters = parameterCount(network);
  const engine: Engine = {
    stepper,
    scheduler: new Scheduler(stepper),
    alphabet,
    prefixes: new PrefixCache(prefixCacheBytes),
    owner: {
      ...info,
      precision: stepper.precision,
      get digest() {
        return digest();
      },
    },
    start: alphabet.kind === 'ids' ? undefined : (alphabet.idOf('\n') ?? alphabet.idOf(' ')),
  };
  return assembleModel(engine, { ...info, layers, parameters, kernel: stepper.kernel });
};

/** What advances a model's texts. */
const engines = new WeakMap<Model, Engine>();

/** @throws FolioError `invalid_parameter` for what this library did not open */
export const engineOf = (model: Model): Engine => {
  const engine = engines.get(model);
  if (engine !== undefined) return engine;
  throw unexpected('invalid_parameter', 'model', 'a model that was opened here', typeof model);
};

/** A model around the engine that advances its texts. */
export const assembleModel = (
  engine: Engine,
  facts: Omit<ModelInfo, 'precision' | 'digest' | 'byteLength'>,
): Model => {
  const { stepper, alphabet } = engine;
  const model: Model = {
    alphabet,
    info: {
      ...facts,
      precision: stepper.precision,
      get digest() {
        return engine.owner.digest;
      },
      get byteLength() {
        return stepper.byteLength + engine.prefixes.byteLength;
      },
    },
    vocabularySize: stepper.vocabulary,
    start: () => startSequence(engine),
    generate: (options = {}) => textOf(new CompletionTask(engine, { ...options, n: 1 })),
    complete: (options = {}) => new CompletionTask(engine, options),
    score: (text, options) => score(engine, text, options),
    dispose() {
      engine.scheduler.dispose();
      stepper.dispose();
    },
  };
  engines.set(model, engine);
  return model;
};

const textOf = async function* (completions: CompletionTask): AsyncIterable<string> {
  for await (const { text } of completions) if (text !== '') yield text;
};
