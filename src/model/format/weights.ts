import type { Matrix } from '../network.ts';
import { checkFinite, decodeFloat16 } from './halves.ts';
import {
  countAt,
  invalid,
  isObject,
  listAt,
  nameAt,
  objectAt,
  phrase,
  textOf,
  unsupported,
} from './invalid.ts';

/**
 * The weights of a LayersModel as its manifest declares them: groups of shards, each group a run of bytes in which
 * its weights lie one after another, little-endian, plain float32 or quantised as the converter writes them.
 *
 * Format: tensorflow/tfjs, tfjs-core/src/io/types.ts (`WeightsManifestConfig`) and io_utils.ts (`decodeWeights`).
 */
export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly length: number; // values
  readonly byteLength: number;
  readonly encoding: Encoding;
  /** tfjs saves an optimizer's state among the weights: it is no part of the model. */
  readonly optimizer: boolean;
}

type Encoding =
  | { readonly kind: 'float32' }
  | { readonly kind: 'float16' }
  | { readonly kind: 'uint8' | 'uint16'; readonly min: number; readonly scale: number }
  /** Counters and the like, which no layer computes with. */
  | { readonly kind: 'other'; readonly dtype: string; readonly size: number };

export interface WeightGroup {
  /** Files whose bytes, joined, are the group's: paths relative to `model.json`. */
  readonly paths: readonly string[];
  readonly specs: readonly WeightSpec[];
  readonly byteLength: number;
}

const bytesPerValue = { float32: 4, float16: 2, uint16: 2, uint8: 1 } as const;
const otherTypes: Readonly<Record<string, number>> = { int32: 4, uint32: 4, int64: 8, bool: 1 };

/** More than any model of the family has, and few enough to be looked through for each layer. */
const MOST_WEIGHTS = 1024;
const MOST_SHARDS = 65_536;

/** @throws FolioError `model_invalid`, `model_unsupported` */
export const readManifest = (manifest: unknown): readonly WeightGroup[] => {
  const groups = listAt(manifest, 'weightsManifest');
  const weights = countOf(groups, 'weights');
  if (weights > MOST_WEIGHTS) throw invalid('weightsManifest', `at most ${MOST_WEIGHTS} weights`, weights);
  const shards = countOf(groups, 'paths');
  if (shards > MOST_SHARDS) throw invalid('weightsManifest', `at most ${MOST_SHARDS} shards`, shards);
  return groups.map((value, g) => {
    const group = objectAt(value, `weightsManifest[${g}]`);
    const paths = listAt(group.paths, `weightsManifest[${g}].paths`).map((path, p) =>
      checkPath(path, `weightsManifest[${g}].paths[${p}]`),
    );
    const specs = listAt(group.weights, `weightsManifest[${g}].weights`).map((spec, w) =>
      readSpec(spec, `weightsManifest[${g}].weights[${w}]`),
    );
    const byteLength = specs.reduce((sum, spec) => sum + spec.byteLength, 0);
    return { paths, specs, byteLength };
  });
};

const countOf = (groups: readonly unknown[], property: string): number =>
  groups.reduce<number>((sum, group) => {
    const list = isObject(group) ? group[property] : undefined;
    return sum + (Array.isArray(list) ? list.length : 0);
  }, groups.length);

/** A shard lies beside `model.json` or below: a model cannot make its reader open anything else. */
const checkPath = (value: unknown, where: string): string => {
  const path = nameAt(value, where);
  if (/^[\\/]|^[A-Za-z][A-Za-z0-9+.-]*:|[\\\0]|(^|\/)\.\.(\/|$)/.test(path)) {
    throw invalid(where, 'a path below the model', path);
  }
  return path;
};

const readSpec = (value: unknown, where: string): WeightSpec => {
  const spec = objectAt(value, where);
  const name = nameAt(spec.name, `${where}.name`);
  const shape = listAt(spec.shape, `${name}.shape`).map((size) => countAt(size, `${name}.shape`));
  const length = shape.reduce((product, size) => product * size, 1);
  const encoding = readEncoding(spec, name);
  const byteLength = length * (encoding.kind === 'other' ? encoding.size : bytesPerValue[encoding.kind]);
  if (!Number.isSafeInteger(byteLength)) throw invalid(`${name}.shape`, 'a size that can be', shape);
  return { name, shape, length, byteLength, encoding, optimizer: spec.group === 'optimizer' };
};

const readEncoding = (spec: Readonly<Record<string, unknown>>, name: string): Encoding => {
  if (spec.dtype === 'float16') return { kind: 'float16' };
  if (spec.dtype !== 'float32') {
    const dtype = textOf(spec.dtype);
    if (!Object.hasOwn(otherTypes, dtype)) throw unsupported(`${name}.dtype`, '"float32"', spec.dtype);
    return { kind: 'other', dtype, size: otherTypes[dtype]! };
  }
  const quantization = spec.quantization;
  if (quantization === undefined || quantization === null) return { kind: 'float32' };
  const { dtype, min, scale } = objectAt(quantization, `${name}.quantization`);
  if (dtype === 'float16') return { kind: 'float16' };
  if (dtype !== 'uint8' && dtype !== 'uint16') {
    throw unsupported(`${name}.quantization.dtype`, '"float16", "uint16" or "uint8"', dtype);
  }
  if (!Number.isFinite(min)) throw invalid(`${name}.quantization.min`, 'a number', min);
  if (!Number.isFinite(scale)) throw invalid(`${name}.quantization.scale`, 'a number', scale);
  return { kind: dtype, min: min as number, scale: scale as number };
};

/** A group's bytes from its shards. @throws FolioError `model_invalid` when they are not as many as declared */
export const joinShards = (group: WeightGroup, shards: readonly Uint8Array[]): Uint8Array => {
  const total = shards.reduce((sum, shard) => sum + shard.length, 0);
  if (total !== group.byteLength) {
    throw invalid(group.paths.join(', '), `${group.byteLength} bytes`, phrase(`${total} bytes`));
  }
  if (shards.length === 1) return shards[0]!;
  const joined = new Uint8Array(total);
  let at = 0;
  for (const shard of shards) {
    joined.set(shard, at);
    at += shard.length;
  }
  return joined;
};

/** Makes a matrix of little-endian halves without decoding them. */
export type KeepHalves<Encoded> = (name: string, bytes: Uint8Array) => Encoded;

/** Every weight by name, still encoded. */
export class Weights<Encoded = never> {
  readonly #entries = new Map<string, { spec: WeightSpec; bytes: Uint8Array }>();
  readonly #keepHalves: KeepHalves<Encoded> | undefined;

  /** @param keepHalves For whoever goes on to run the model: the kernel packs halves as they are. Default: all is decoded. */
  constructor(groups: readonly WeightGroup[], data: readonly Uint8Array[], keepHalves?: KeepHalves<Encoded>) {
    this.#keepHalves = keepHalves;
    groups.forEach((group, g) => {
      let at = 0;
      for (const spec of group.specs) {
        if (this.#entries.has(spec.name)) throw invalid(spec.name, 'one weight of this name', phrase('two'));
        this.#entries.set(spec.name, { spec, bytes: data[g]!.subarray(at, at + spec.byteLength) });
        at += spec.byteLength;
      }
    });
  }

  /** In the manifest's order, without those of an optimizer. */
  get specs(): readonly WeightSpec[] {
    return [...this.#entries.values()].flatMap(({ spec }) => (spec.optimizer ? [] : [spec]));
  }

  /**
   * A weight's values: [length], a view of the shard where that is possible.
   * @throws FolioError `model_invalid` for values that are not finite
   */
  values({ name }: WeightSpec): Float32Array {
    const { spec, bytes } = this.#entries.get(name)!;
    return checkFinite(name, decode(name, spec.encoding, bytes, spec.length));
  }

  /** The same, or halves as they are, whose values are checked when they are read. */
  matrix(spec: WeightSpec): Matrix<Encoded> {
    return spec.encoding.kind === 'float16' && this.#keepHalves
      ? this.#keepHalves(spec.name, this.#entries.get(spec.name)!.bytes)
      : this.values(spec);
  }
}

const decode = (name: string, encoding: Encoding, bytes: Uint8Array, length: number): Float32Array => {
  if (encoding.kind === 'other') throw unsupported(`${name}.dtype`, '"float32"', encoding.dtype);
  if (encoding.kind === 'float32') {
    return new Float32Array(...aligned(bytes, 4), length);
  }
  if (encoding.kind === 'float16') return decodeFloat16(new Uint16Array(...aligned(bytes, 2), length));
  const codes = encoding.kind === 'uint8' ? bytes : new Uint16Array(...aligned(bytes, 2), length);
  const { min, scale } = encoding;
  const values = new Float32Array(length);
  for (let i = 0; i < length; i++) values[i] = codes[i]! * scale + min;
  return values;
};

/** Where a typed array may look at these bytes: the same memory, or a copy when they lie across its grid. */
const aligned = (bytes: Uint8Array, size: number): [ArrayBuffer, number] => {
  const at = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  return [at.buffer as ArrayBuffer, at.byteOffset];
};
