import { invalid, isObject, objectAt, textOf } from '../model/format/invalid.ts';
import { ByteReader } from './byte-reader.ts';
import { parseJson } from './json.ts';
import { type DType, dtypeOf, isCounter, type Tensor, tensorOf } from './tensor.ts';

const dtypes: Readonly<Record<string, DType>> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U8: 'uint8',
  BOOL: 'bool',
};

const MOST_HEADER = 2 ** 26; // bytes; the reference implementation allows 100 MB

export const isSafetensors = (bytes: Uint8Array): boolean =>
  bytes[8] === 0x7b && bytes[7] === 0 && bytes[6] === 0;

export interface Safetensors {
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Texts that the file's writer put into it. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/**
 * Eight bytes of the header's length, the header in JSON, the tensors' bytes.
 *
 * Format: huggingface/safetensors, README.md. @throws FolioError `model_invalid`, `model_unsupported`
 */
export const readSafetensors = (bytes: Uint8Array, where: string): Safetensors => {
  const reader = new ByteReader(bytes, where);
  const length = reader.u64();
  if (length > MOST_HEADER) throw invalid(where, `a header of at most ${MOST_HEADER} bytes`, length);
  const header = objectAt(parseJson(reader.slice(length), where), `${where} header`);
  const data = bytes.subarray(reader.at);
  const tensors = new Map<string, Tensor>();
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const { dtype, shape, data_offsets: offsets } = objectAt(value, name);
    if (!isNumbers(shape)) throw invalid(`${name}.shape`, 'sizes', shape);
    if (!isNumbers(offsets) || offsets.length !== 2) throw invalid(`${name}.data_offsets`, 'two', offsets);
    const [start, end] = offsets as [number, number];
    if (start > end || end > data.length) {
      throw invalid(`${name}.data_offsets`, `a place within ${data.length} bytes`, offsets);
    }
    const type = dtypeOf(dtypes, textOf(dtype), name);
    if (isCounter(shape, type)) continue;
    tensors.set(name, tensorOf(data.subarray(start, end), type, shape, name));
  }
  const metadata = isObject(header.__metadata__) ? header.__metadata__ : {};
  // Of weights that two modules share, `save_model` keeps one and names it here under the others' names.
  for (const [name, kept] of Object.entries(metadata)) {
    const shared = typeof kept === 'string' ? tensors.get(kept) : undefined;
    if (shared && !tensors.has(name)) tensors.set(name, shared);
  }
  return { tensors, metadata };
};

const isNumbers = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
