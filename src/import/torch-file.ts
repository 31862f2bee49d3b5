import { invalid, phrase, unsupported } from '../model/format/invalid.ts';
import { ByteReader } from './byte-reader.ts';
import { PickleDict, PickleGlobal, PickleTuple, type PickleValue, readPickle } from './pickle.ts';
import { bytesPerValue, countOf, type DType, decodeValues, isCounter, type Tensor } from './tensor.ts';
import { unzip } from './zip.ts';

/** A tensor of a PyTorch file, read when it is asked for. */
export class TorchTensor {
  readonly shape: readonly number[];
  readonly isCounter: boolean;
  readonly #read: () => Tensor;

  constructor(shape: readonly number[], dtype: DType, read: () => Tensor) {
    this.shape = shape;
    this.isCounter = isCounter(shape, dtype);
    this.#read = read;
  }

  /** @throws FolioError `model_invalid` where its place lies outside the storage */
  read(): Tensor {
    return this.#read();
  }
}

/** Bytes of a storage, which come after the pickle in files of the older kind. */
interface Storage {
  readonly dtype: DType;
  readonly key: string;
  readonly count: number;
  readonly bytes: () => Uint8Array;
}

const storages: Readonly<Record<string, DType>> = {
  DoubleStorage: 'float64',
  FloatStorage: 'float32',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
};

const storageType = (name: string): DType | undefined => storages[name.replace(/^torch(\.cuda)? /, '')];

/** The constructors of a state dict or a checkpoint; undefined for any other name. */
const call = (name: string, args: readonly PickleValue[], where: string): PickleValue | undefined => {
  switch (name) {
    case 'collections OrderedDict':
    case 'collections defaultdict':
    case 'collections Counter':
    case 'builtins dict':
    case 'argparse Namespace':
      return dictOf(args.at(-1));
    case 'builtins list':
    case 'builtins set':
    case '__builtin__ set':
      return args[0] instanceof PickleTuple ? [...args[0].items] : Array.isArray(args[0]) ? args[0] : [];
    case 'torch Size':
      return args[0] ?? null;
    case 'torch device':
      return 'device';
    case 'torch._utils _rebuild_parameter':
      return args[0];
    case 'torch._utils _rebuild_tensor_v2':
    case 'torch._utils _rebuild_tensor':
      return rebuildTensor(args, where);
    default:
      return undefined;
  }
};

/** A dict from what its constructor was given: a dict, or pairs. */
const dictOf = (given: PickleValue | undefined): PickleDict => {
  if (given instanceof PickleDict) return given;
  const dict = new PickleDict();
  const pairs = given instanceof PickleTuple ? given.items : Array.isArray(given) ? given : [];
  for (const pair of pairs) {
    const [key, value] = pair instanceof PickleTuple ? pair.items : Array.isArray(pair) ? pair : [];
    if (key !== undefined && value !== undefined) dict.entries.set(key, value);
  }
  return dict;
};

/** A view of a storage: an offset and a stride for each axis, in values. */
const rebuildTensor = (args: readonly PickleValue[], where: string): TorchTensor => {
  const [storage, offset, size, strides] = args;
  if (!isStorage(storage)) throw invalid(where, 'a storage', phrase('something else'));
  const shape = integers(size, where);
  const stride = integers(strides, where);
  const count = countOf(shape, where);
  if (stride.length !== shape.length || typeof offset !== 'number' || !Number.isSafeInteger(offset)) {
    throw invalid(where, 'an offset and a stride for each axis', stride);
  }
  const read = (): Tensor => {
    const last = shape.reduce((at, side, axis) => at + (side - 1) * stride[axis]!, offset);
    const lowest = shape.reduce((at, side, axis) => at + Math.min(0, (side - 1) * stride[axis]!), offset);
    if (count > 0 && (lowest < 0 || !(Math.max(last, offset) < storage.count))) {
      throw invalid(where, `places within a storage of ${storage.count} values`, last);
    }
    const bytes = storage.bytes();
    const expected = storage.count * bytesPerValue[storage.dtype];
    if (bytes.length !== expected) throw invalid(where, `${expected} bytes`, phrase(`${bytes.length} bytes`));
    const all = decodeValues(bytes, storage.dtype, where);
    if (contiguous(shape, stride)) return { shape, values: all.subarray(offset, offset + count) };
    const values = new Float32Array(count);
    const index = shape.map(() => 0);
    for (let i = 0; i < count; i++) {
      values[i] = all[index.reduce((at, step, axis) => at + step * stride[axis]!, offset)]!;
      for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
    }
    return { shape, values };
  };
  return new TorchTensor(shape, storage.dtype, read);
};

const contiguous = (shape: readonly number[], stride: readonly number[]): boolean => {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && stride[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
};

const isStorage = (value: unknown): value is Storage =>
  typeof value === 'object' && value !== null && 'dtype' in value && 'bytes' in value;

const integers = (value: PickleValue | undefined, where: string): readonly number[] => {
  const items = value instanceof PickleTuple ? value.items : Array.isArray(value) ? value : undefined;
  if (!items?.every((item) => Number.isSafeInteger(item)))
    throw invalid(where, 'whole numbers', phrase('others'));
  return items as readonly number[];
};

/** `('storage', type, key, location, count)`, and in old files a view of another one, or `('module', class, …)`. */
const storageOf = (
  id: PickleValue,
  where: string,
  bytesOf: (key: string, dtype: DType, count: number) => Uint8Array,
): Storage | PickleGlobal => {
  const [kind, type, key, , count] = id instanceof PickleTuple ? id.items : [];
  if (kind === 'module' && type instanceof PickleGlobal) return type;
  if (kind !== 'storage' || !(type instanceof PickleGlobal) || typeof count !== 'number') {
    throw invalid(where, 'a storage', phrase('something else'));
  }
  const dtype = storageType(type.name);
  if (dtype === undefined) {
    const received = /\bQ\w+Storage$/.test(type.name) ? phrase('a quantized one') : type.name;
    throw unsupported(where, 'a model of floating-point weights', received);
  }
  const name = String(key);
  countOf([count], where);
  return { dtype, key: name, count, bytes: () => bytesOf(name, dtype, count) };
};

/** A zip archive of `torch.save`, from PyTorch 1.6 on. */
export const readTorchZip = (bytes: Uint8Array, where: string): PickleValue => {
  const files = unzip(bytes, where, (name) => /(^|\/)(data\.pkl|byteorder|data\/[^/]+)$/.test(name));
  const pickle = [...files.keys()].find((name) => /(^|\/)data\.pkl$/.test(name));
  if (pickle === undefined) throw invalid(where, 'data.pkl in the archive', undefined);
  const folder = pickle.slice(0, -'data.pkl'.length);
  const order = files.get(`${folder}byteorder`);
  if (order && new TextDecoder().decode(order).trim() === 'big') {
    throw unsupported(where, 'values in little-endian order', phrase('big-endian ones'));
  }
  const persistent = (id: PickleValue): PickleValue =>
    storageOf(id, where, (key) => {
      const data = files.get(`${folder}data/${key}`);
      if (!data) throw invalid(where, `data/${key} in the archive`, undefined);
      return data;
    });
  return readPickle(new ByteReader(files.get(pickle)!, where), where, rulesOf(where, persistent));
};

const rulesOf = (where: string, persistent: (id: PickleValue) => PickleValue) => ({
  call: (name: string, args: readonly PickleValue[]) => call(name, args, where),
  persistent,
});

/** The magic number with which `torch.save` began before PyTorch 1.6, as a pickle. */
const MAGIC = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];

export const isLegacyTorch = (bytes: Uint8Array): boolean => MAGIC.every((byte, i) => bytes[i] === byte);

/** Five pickles (magic number, version, system, object, keys), then each storage's count and bytes. */
export const readLegacyTorch = (bytes: Uint8Array, where: string): PickleValue => {
  const reader = new ByteReader(bytes, where, MAGIC.length);
  const stored = new Map<string, Uint8Array>();
  const sizes = new Map<string, number>();
  const persistent = (id: PickleValue): PickleValue => {
    const view = id instanceof PickleTuple && id.items[0] === 'storage' ? id.items[5] : undefined;
    if (view !== undefined && view !== null)
      throw unsupported(where, 'whole storages', phrase('views of storages'));
    const storage = storageOf(id, where, (key) => {
      const data = stored.get(key);
      if (!data) throw invalid(where, `storage ${key}`, undefined);
      return data;
    });
    if (isStorage(storage)) sizes.set(storage.key, bytesPerValue[storage.dtype]);
    return storage;
  };
  const rules = rulesOf(where, persistent);
  readPickle(reader, where, rules);
  const system = readPickle(reader, where, rules);
  if (system instanceof PickleDict && system.text('little_endian') === false) {
    throw unsupported(where, 'values in little-endian order', phrase('big-endian ones'));
  }
  const value = readPickle(reader, where, rules);
  const keys = readPickle(reader, where, rules);
  for (const key of Array.isArray(keys) ? keys : []) {
    const size = sizes.get(String(key));
    const count = reader.u64();
    if (size === undefined) throw invalid(where, 'keys of its storages', key);
    stored.set(String(key), reader.slice(count * size));
  }
  return value;
};
