import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import util from 'node:util';
import type * as tfjs from '@tensorflow/tfjs';
import { FolioError } from '../../src/errors.ts';
import { presetVariable } from '../../src/settings.ts';

/** tfjs-node as a module: everything of @tensorflow/tfjs, computed by TensorFlow's C library. */
export type TensorFlow = typeof tfjs;

/** The native binding's part that runs any TensorFlow kernel by its name. */
export interface Binding {
  readonly TF_Version: string;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  createTensor(shape: readonly number[], dtype: number, values: Float32Array | Int32Array): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array | Int32Array | Uint8Array;
  executeOp(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    outputs: number,
  ): { id: number; dtype: number; shape: number[] }[];
  loadSavedModel(folder: string, tags: string): number;
  runSavedModel(
    id: number,
    inputs: readonly number[],
    inputNames: string,
    outputNames: string,
  ): { id: number; dtype: number; shape: number[] }[];
  deleteSavedModel(id: number): void;
}

export interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

const packageName = '@tensorflow/tfjs-node';

const isNotInstalled = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith(`Cannot find module '${packageName}`);

/** What the package does not bring, without scripts: the first training does what tfjs-node's would, or does without its host. */
export const installCommand = `npm install ${packageName}@4.22.0 long@5.3.2 node-api-headers@1.9.0 --ignore-scripts`;

/** Only checkouts install what trains by themselves. */
const notInstalled = (cause: unknown): FolioError =>
  new FolioError(
    'tensorflow_unavailable',
    `Training needs packages that are not installed: run \`${installCommand}\`, in Folio's own checkout \`npm ci\`.`,
    { cause },
  );

/** The folder of tfjs-node. @throws FolioError `tensorflow_unavailable` where it is not installed */
export const tensorFlowFolder = (): string => {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${packageName}/package.json`));
  } catch (cause) {
    throw notInstalled(cause);
  }
};

let loaded: TensorFlow | undefined;

/**
 * The TensorFlow of this machine, as `npm run setup:tensorflow` left it.
 * @throws FolioError `tensorflow_unavailable` where it was not set up
 */
export const loadTensorFlow = (): TensorFlow => {
  if (loaded !== undefined) return loaded;
  // Node 23 removed two functions that tfjs-node 4.22 still calls.
  const legacy = util as unknown as Record<string, unknown>;
  legacy.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  legacy.isArray ??= Array.isArray;
  const require = createRequire(import.meta.url);
  presetVariable('TF_CPP_MIN_LOG_LEVEL', '2'); // errors alone
  try {
    loaded = require(packageName) as TensorFlow;
  } catch (cause) {
    if (isNotInstalled(cause)) throw notInstalled(cause);
    throw new FolioError(
      'tensorflow_unavailable',
      'TensorFlow is not set up: `folio train` or, in a checkout, `npm run setup:tensorflow` does it.',
      { cause },
    );
  }
  loaded.enableProdMode();
  return loaded;
};

/** @see loadTensorFlow */
export const bindingOf = (tf: TensorFlow): Binding =>
  (tf.backend() as unknown as { binding: Binding }).binding;
