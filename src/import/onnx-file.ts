import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { invalid, phrase, unsupported } from '../model/format/invalid.ts';
import { countOf, type DType, type Tensor, tensorOf } from './tensor.ts';

/**
 * The part of an ONNX file that a recurrent model needs, read field by field: nodes, their attributes, initializers.
 *
 * Format: onnx/onnx.proto (IR version 13). @throws FolioError `model_invalid`, `model_unsupported`
 */
export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface OnnxNode {
  readonly type: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
}

export interface OnnxAttribute {
  readonly float?: number;
  readonly int?: number;
  readonly text?: string;
  readonly tensor?: OnnxTensor;
  readonly ints: readonly number[];
  readonly floats: readonly number[];
  readonly texts: readonly string[];
}

/** A tensor, whose values may stand in another file. */
export interface OnnxTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly external:
    | { readonly file: string; readonly offset: number; readonly length: number | undefined }
    | undefined;
  /** @param external The other file's bytes. */
  read(external?: Uint8Array): Tensor;
}

/** `TensorProto.DataType` by number. */
const dtypes: Readonly<Record<number, DType>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  10: 'float16',
  11: 'float64',
  16: 'bfloat16',
};

const MOST_NODES = 100_000;

export const readOnnx = (bytes: Uint8Array, where: string): OnnxGraph => {
  try {
    return readModel(new BinaryReader(bytes), where);
  } catch (error) {
    if (error instanceof Error && error.name === 'FolioError') throw error;
    throw invalid(where, 'an ONNX model', error instanceof Error ? error.message : 'something else');
  }
};

type Field = (reader: BinaryReader, wire: WireType) => void;

/** Reads a message's fields: known ones by their readers, the others are passed over. */
const fields = (
  reader: BinaryReader,
  length: number | undefined,
  known: Readonly<Record<number, Field>>,
): void => {
  const end = length === undefined ? reader.len : reader.pos + length;
  if (end > reader.len) throw new RangeError('a message that ends beyond the file');
  while (reader.pos < end) {
    const [number, wire] = reader.tag();
    const field = known[number];
    if (field) field(reader, wire);
    else reader.skip(wire, number);
    if (reader.pos > end) throw new RangeError('a field that ends beyond its message');
  }
};

const message = (known: Readonly<Record<number, Field>>) => (reader: BinaryReader) =>
  fields(reader, reader.uint32(), known);

const integer = (reader: BinaryReader): number => Number(reader.int64());

/** Repeated numbers, packed or one by one. */
const repeated =
  (read: (reader: BinaryReader) => number, put: (value: number) => void): Field =>
  (reader, wire) => {
    if (wire !== WireType.LengthDelimited) {
      put(read(reader));
      return;
    }
    const length = reader.uint32();
    const end = reader.pos + length;
    if (end > reader.len) throw new RangeError('a list that ends beyond the file');
    while (reader.pos < end) put(read(reader));
  };

const readModel = (reader: BinaryReader, where: string): OnnxGraph => {
  let graph: OnnxGraph | undefined;
  fields(reader, undefined, {
    7: (inner) => {
      graph = readGraph(inner, where);
    },
  });
  if (!graph) throw invalid(where, 'a graph', undefined);
  return graph;
};

const readGraph = (reader: BinaryReader, where: string): OnnxGraph => {
  const nodes: OnnxNode[] = [];
  const initializers = new Map<string, OnnxTensor>();
  const inputs: string[] = [];
  const outputs: string[] = [];
  const nameOf = (inner: BinaryReader): string => {
    let name = '';
    message({
      1: (value) => {
        name = value.string();
      },
    })(inner);
    return name;
  };
  message({
    1: (inner) => {
      if (nodes.length === MOST_NODES) throw invalid(where, `at most ${MOST_NODES} nodes`, phrase('more'));
      nodes.push(readNode(inner, where));
    },
    5: (inner) => {
      const tensor = readTensor(inner, where);
      initializers.set(tensor.name, tensor);
    },
    11: (inner) => inputs.push(nameOf(inner)),
    12: (inner) => outputs.push(nameOf(inner)),
    15: () => {
      throw unsupported(where, 'dense initializers', phrase('sparse ones'));
    },
  })(reader);
  return { nodes, initializers, inputs: inputs.filter((name) => !initializers.has(name)), outputs };
};

const readNode = (reader: BinaryReader, where: string): OnnxNode => {
  const node = { type: '', domain: '', inputs: [] as string[], outputs: [] as string[] };
  const attributes = new Map<string, OnnxAttribute>();
  message({
    1: (inner) => node.inputs.push(inner.string()),
    2: (inner) => node.outputs.push(inner.string()),
    4: (inner) => {
      node.type = inner.string();
    },
    5: (inner) => {
      const [name, attribute] = readAttribute(inner, where);
      attributes.set(name, attribute);
    },
    7: (inner) => {
      node.domain = inner.string();
    },
  })(reader);
  return { ...node, attributes };
};

const readAttribute = (reader: BinaryReader, where: string): [string, OnnxAttribute] => {
  let name = '';
  const attribute: { -readonly [Key in keyof OnnxAttribute]: OnnxAttribute[Key] } = {
    ints: [],
    floats: [],
    texts: [],
  };
  const [ints, floats, texts]: [number[], number[], string[]] = [[], [], []];
  message({
    1: (inner) => {
      name = inner.string();
    },
    2: (inner) => {
      attribute.float = inner.float();
    },
    3: (inner) => {
      attribute.int = integer(inner);
    },
    4: (inner) => {
      attribute.text = new TextDecoder().decode(inner.bytes());
    },
    5: (inner) => {
      attribute.tensor = readTensor(inner, where);
    },
    7: repeated(
      (inner) => inner.float(),
      (value) => floats.push(value),
    ),
    8: repeated(integer, (value) => ints.push(value)),
    9: (inner) => texts.push(new TextDecoder().decode(inner.bytes())),
  })(reader);
  return [name, { ...attribute, ints, floats, texts }];
};

const readTensor = (reader: BinaryReader, where: string): OnnxTensor => {
  const shape: number[] = [];
  const numbers: number[] = [];
  const external = new Map<string, string>();
  let [type, name, location] = [0, '', 0];
  let raw: Uint8Array | undefined;
  const put = (value: number): number => numbers.push(value);
  message({
    1: repeated(integer, (size) => shape.push(size)),
    2: (inner) => {
      type = inner.int32();
    },
    4: repeated((inner) => inner.float(), put),
    5: repeated((inner) => inner.int32(), put),
    7: repeated(integer, put),
    8: (inner) => {
      name = inner.string();
    },
    9: (inner) => {
      raw = inner.bytes();
    },
    10: repeated((inner) => inner.double(), put),
    13: (inner) => {
      let [key, value] = ['', ''];
      message({
        1: (text) => {
          key = text.string();
        },
        2: (text) => {
          value = text.string();
        },
      })(inner);
      external.set(key, value);
    },
    14: (inner) => {
      location = inner.int32();
    },
  })(reader);
  const count = countOf(shape, name || where);
  const file = external.get('location');
  const place =
    location === 1 && file !== undefined
      ? {
          file,
          offset: Number(external.get('offset') ?? 0),
          length: external.has('length') ? Number(external.get('length')) : undefined,
        }
      : undefined;
  const read = (other?: Uint8Array): Tensor => {
    const dtype = dtypes[type];
    if (dtype === undefined) throw unsupported(name, 'a tensor of numbers', phrase(`data type ${type}`));
    if (place) {
      if (!other) throw invalid(name, `the file ${place.file} beside it`, undefined);
      const length = place.length ?? other.length - place.offset;
      if (!(place.offset >= 0 && length >= 0 && place.offset + length <= other.length)) {
        throw invalid(name, `a place within the ${other.length} bytes of ${place.file}`, place.offset);
      }
      return tensorOf(other.subarray(place.offset, place.offset + length), dtype, shape, name);
    }
    if (raw) return tensorOf(raw, dtype, shape, name);
    if (numbers.length !== count) throw invalid(`${name}.shape`, `${count} values`, numbers.length);
    // Halves stand among the whole numbers by their bits.
    if (dtype === 'float16' || dtype === 'bfloat16') {
      return tensorOf(new Uint8Array(Uint16Array.from(numbers).buffer), dtype, shape, name);
    }
    return { shape, values: Float32Array.from(numbers) };
  };
  return { name, shape, external: place, read };
};
