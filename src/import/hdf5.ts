import { unzlibSync } from 'fflate';
import { invalid, phrase, unsupported } from '../model/format/invalid.ts';
import { ByteReader } from './byte-reader.ts';
import { countOf, type DType, type Tensor, tensorOf } from './tensor.ts';

/**
 * The part of HDF5 that Keras writes through h5py, read as data: groups, attributes of texts and numbers, datasets
 * that lie in one piece or in chunks, compressed or not. Everything is checked against the file's length and counted,
 * so that a damaged file ends in a typed error: neither sizes that lie nor circles of addresses can hold a reader up.
 *
 * Format: HDF5 File Format Specification 3.0, chapters II (superblock), III (groups), IV (object headers).
 */
export interface H5Group {
  readonly kind: 'group';
  readonly path: string;
  readonly attributes: ReadonlyMap<string, H5Value>;
  /** Names in the file's order, which is that of the alphabet. */
  readonly names: readonly string[];
  /** @throws FolioError `model_invalid` where there is no such group or dataset, however deep: `a/b/c` */
  get(path: string): H5Node;
  find(path: string): H5Node | undefined;
}

export interface H5Dataset {
  readonly kind: 'dataset';
  readonly path: string;
  readonly shape: readonly number[];
  /** @throws FolioError `model_invalid`, `model_unsupported` */
  read(): Tensor;
}

export type H5Node = H5Group | H5Dataset;

/** An attribute: a text, a list of texts, or numbers. */
export type H5Value = string | readonly string[] | Float32Array;

const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];

export const isHdf5 = (bytes: Uint8Array): boolean => SIGNATURE.every((byte, i) => bytes[i] === byte);

/** Messages, nodes and heap objects that a reader looks at: more than any model's file has. */
const MOST_STEPS = 1_000_000;
const MOST_DEPTH = 32;
const UNDEFINED = Number.POSITIVE_INFINITY; // an address of all ones: nothing is stored

/** @throws FolioError `model_invalid`, `model_unsupported` */
export const openHdf5 = (bytes: Uint8Array, where: string): H5Group => {
  const file = new H5File(bytes, where);
  const root = file.object(file.rootAddress(), '', 0);
  if (root.kind !== 'group') throw invalid(where, 'a group at the root', phrase('a dataset'));
  return root;
};

interface Message {
  readonly type: number;
  readonly shared: boolean;
  readonly data: Uint8Array;
}

type Datatype =
  | { readonly kind: 'number'; readonly dtype: DType; readonly size: number; readonly bigEndian: boolean }
  | { readonly kind: 'text'; readonly size: number }
  | { readonly kind: 'long-text'; readonly size: number }
  | { readonly kind: 'other'; readonly what: string; readonly size: number };

const TYPE = {
  dataspace: 0x01,
  linkInfo: 0x02,
  datatype: 0x03,
  link: 0x06,
  layout: 0x08,
  filters: 0x0b,
  attribute: 0x0c,
  continuation: 0x10,
  symbolTable: 0x11,
  attributeInfo: 0x15,
} as const;

class H5File {
  readonly #reader: ByteReader;
  readonly #where: string;
  #steps = 0;

  constructor(bytes: Uint8Array, where: string) {
    this.#reader = new ByteReader(bytes, where);
    this.#where = where;
  }

  #step(): void {
    if (++this.#steps > MOST_STEPS) throw invalid(this.#where, 'a tree of groups', phrase('a circle'));
  }

  #expect(reader: ByteReader, signature: string): void {
    const found = reader.utf8(signature.length);
    if (found !== signature) throw invalid(this.#where, `"${signature}"`, found);
  }

  /** Address of the root group's object header. */
  rootAddress(): number {
    const reader = this.#reader.from(0).skip(8);
    const version = reader.u8();
    if (version > 3) throw unsupported(this.#where, 'HDF5 of version 0 to 3', version);
    const sizesAt = version < 2 ? 13 : 9;
    const sizes = this.#reader.from(sizesAt);
    const [offsets, lengths] = [sizes.u8(), sizes.u8()];
    if (offsets !== 8 || lengths !== 8) throw unsupported(this.#where, '64-bit addresses', offsets * 8);
    if (version >= 2) return this.#reader.from(36).u64();
    return this.#reader.from(version === 0 ? 64 : 68).u64();
  }

  object(address: number, path: string, depth: number): H5Node {
    if (depth > MOST_DEPTH) throw invalid(this.#where, `groups ${MOST_DEPTH} deep at most`, phrase('more'));
    const messages = this.#messages(address);
    const find = (type: number): Message | undefined => messages.find((message) => message.type === type);
    for (const { shared, type } of messages) {
      if (shared && (type === TYPE.datatype || type === TYPE.dataspace)) {
        throw unsupported(path, 'a datatype of its own', phrase('one that is shared'));
      }
    }
    const layout = find(TYPE.layout);
    if (layout) return this.#dataset(path, messages, layout);
    return this.#group(path, messages, depth);
  }

  /** The messages of an object header, of either version, with its continuations. */
  #messages(address: number): readonly Message[] {
    const start = this.#reader.from(address);
    const messages: Message[] = [];
    const blocks: { reader: ByteReader; end: number }[] = [];
    let version2 = false;
    let tracked = false;
    if (start.from(address).u8() === 1) {
      const header = start.from(address).skip(8);
      const size = header.u32();
      header.skip(4);
      blocks.push({ reader: header, end: header.at + size });
    } else {
      const header = start.from(address);
      this.#expect(header, 'OHDR');
      version2 = true;
      header.skip(1);
      const flags = header.u8();
      tracked = (flags & 4) !== 0;
      if (flags & 0x20) header.skip(16);
      if (flags & 0x10) header.skip(4);
      const sizes = [() => header.u8(), () => header.u16(), () => header.u32(), () => header.u64()];
      const size = sizes[flags & 3]!();
      blocks.push({ reader: header, end: header.at + size });
    }
    const least = version2 ? 4 : 8;
    for (let block = blocks.shift(); block; block = blocks.shift()) {
      const { reader, end } = block;
      while (end - reader.at >= least) {
        this.#step();
        const type = version2 ? reader.u8() : reader.u16();
        const size = reader.u16();
        const flags = reader.u8();
        reader.skip(version2 ? (tracked ? 2 : 0) : 3);
        const data = reader.slice(size);
        if (type === TYPE.continuation) {
          const link = new ByteReader(data, this.#where);
          const [at, length] = [link.u64(), link.u64()];
          const next = this.#reader.from(at);
          if (version2) this.#expect(next, 'OCHK');
          blocks.push({ reader: next, end: at + length - (version2 ? 4 : 0) });
        } else {
          messages.push({ type, shared: (flags & 2) !== 0, data });
        }
      }
    }
    return messages;
  }

  #group(path: string, messages: readonly Message[], depth: number): H5Group {
    const links = new Map<string, number>();
    for (const { type, data } of messages) {
      if (type === TYPE.symbolTable) {
        const reader = new ByteReader(data, this.#where);
        this.#symbols(reader.u64(), this.#localHeap(reader.u64()), links, 0);
      } else if (type === TYPE.link) this.#link(data, links);
      else if (type === TYPE.linkInfo) {
        const reader = new ByteReader(data, this.#where).skip(1);
        if (reader.u8() & 1) reader.skip(8);
        if (reader.u64() !== UNDEFINED) throw latest(this.#where, path);
      }
    }
    let attributes: ReadonlyMap<string, H5Value> | undefined;
    const nodes = new Map<string, H5Node>();
    const own = (name: string): H5Node | undefined => {
      const address = links.get(name);
      if (address === undefined) return undefined;
      const node = nodes.get(name) ?? this.object(address, path ? `${path}/${name}` : name, depth + 1);
      nodes.set(name, node);
      return node;
    };
    const readAttributes = (): ReadonlyMap<string, H5Value> => this.#attributes(path, messages);
    const group: H5Group = {
      kind: 'group',
      path,
      get attributes() {
        attributes ??= readAttributes();
        return attributes;
      },
      names: [...links.keys()],
      find: (wanted) => {
        const [first = '', ...rest] = wanted.split('/').filter((part) => part !== '');
        const node = own(first);
        if (rest.length === 0 || node === undefined) return node;
        return node.kind === 'group' ? node.find(rest.join('/')) : undefined;
      },
      get: (wanted) => {
        const node = group.find(wanted);
        if (node === undefined) {
          throw invalid(path ? `${path}/${wanted}` : wanted, 'a group or dataset in the file', undefined);
        }
        return node;
      },
    };
    return group;
  }

  /** A local heap's data, in which a group's names stand. */
  #localHeap(address: number): ByteReader {
    const reader = this.#reader.from(address);
    this.#expect(reader, 'HEAP');
    reader.skip(4);
    const size = reader.u64();
    reader.skip(8);
    return new ByteReader(this.#reader.from(reader.u64()).slice(size), this.#where);
  }

  /** The links of a group as files before version 3 of the library keep them: a tree of tables. */
  #symbols(address: number, heap: ByteReader, links: Map<string, number>, depth: number): void {
    if (depth > MOST_DEPTH) throw invalid(this.#where, 'a shallow tree', phrase('a deep one'));
    this.#step();
    const reader = this.#reader.from(address);
    const signature = reader.utf8(4);
    if (signature === 'TREE') {
      const [type, level, count] = [reader.u8(), reader.u8(), reader.u16()];
      if (type !== 0) throw invalid(this.#where, 'a tree of names', phrase(`type ${type}`));
      if (level > MOST_DEPTH) throw invalid(this.#where, 'a shallow tree', level);
      reader.skip(16 + 8);
      for (let i = 0; i < count; i++) {
        this.#symbols(reader.u64(), heap, links, depth + 1);
        reader.skip(8);
      }
      return;
    }
    if (signature !== 'SNOD') throw invalid(this.#where, '"SNOD"', signature);
    reader.skip(2);
    const count = reader.u16();
    for (let i = 0; i < count; i++) {
      this.#step();
      const nameAt = reader.u64();
      const header = reader.u64();
      const kind = reader.u32();
      reader.skip(20);
      const name = textUntilNul(heap.from(nameAt));
      if (kind === 2) throw unsupported(name, 'a group or dataset in the file', phrase('a symbolic link'));
      links.set(name, header);
    }
  }

  #link(data: Uint8Array, links: Map<string, number>): void {
    const reader = new ByteReader(data, this.#where).skip(1);
    const flags = reader.u8();
    const kind = flags & 8 ? reader.u8() : 0;
    if (flags & 4) reader.skip(8);
    if (flags & 16) reader.skip(1);
    const sizes = [() => reader.u8(), () => reader.u16(), () => reader.u32(), () => reader.u64()];
    const name = reader.utf8(sizes[flags & 3]!());
    if (kind !== 0) throw unsupported(name, 'a group or dataset in the file', phrase('a link elsewhere'));
    links.set(name, reader.u64());
  }

  #attributes(path: string, messages: readonly Message[]): ReadonlyMap<string, H5Value> {
    const attributes = new Map<string, H5Value>();
    for (const { type, data } of messages) {
      if (type === TYPE.attributeInfo) {
        const reader = new ByteReader(data, this.#where).skip(1);
        if (reader.u8() & 1) reader.skip(2);
        if (reader.u64() !== UNDEFINED) throw latest(this.#where, path);
      }
      if (type !== TYPE.attribute) continue;
      this.#step();
      const reader = new ByteReader(data, this.#where);
      const version = reader.u8();
      if (version < 1 || version > 3) throw invalid(`${path} attribute`, 'version 1 to 3', version);
      const flags = reader.u8();
      if (version > 1 && flags !== 0) {
        throw unsupported(`${path} attribute`, 'a datatype of its own', phrase('a shared one'));
      }
      const [nameSize, typeSize, spaceSize] = [reader.u16(), reader.u16(), reader.u16()];
      if (version === 3) reader.skip(1);
      const part = (size: number): Uint8Array => {
        const slice = reader.slice(size);
        if (version === 1) reader.skip(Math.min(reader.left, -size & 7));
        return slice;
      };
      const name = textUntilNul(new ByteReader(part(nameSize), this.#where));
      const datatype = readDatatype(new ByteReader(part(typeSize), this.#where));
      const shape = readShape(new ByteReader(part(spaceSize), this.#where));
      const value = this.#value(datatype, shape, reader, `${path}@${name}`);
      if (value !== undefined) attributes.set(name, value);
    }
    return attributes;
  }

  /** What an attribute holds; undefined for kinds that say nothing of a model. */
  #value(
    datatype: Datatype,
    shape: readonly number[],
    reader: ByteReader,
    where: string,
  ): H5Value | undefined {
    if (datatype.kind === 'other') return undefined;
    const count = countOf(shape, where);
    const data = new ByteReader(reader.slice(count * datatype.size), where);
    if (datatype.kind === 'number') {
      return tensorOf(littleEndian(data.bytes, datatype), datatype.dtype, shape, where).values;
    }
    const texts = Array.from({ length: count }, () =>
      datatype.kind === 'text' ? paddedText(data.slice(datatype.size)) : this.#longText(data),
    );
    return shape.length === 0 ? (texts[0] ?? '') : texts;
  }

  /** A text of any length stands in a global heap. */
  #longText(reference: ByteReader): string {
    const length = reference.u32();
    const address = reference.u64();
    const wanted = reference.u32();
    if (length === 0) return '';
    const heap = this.#reader.from(address);
    this.#expect(heap, 'GCOL');
    heap.skip(4);
    const end = address + heap.u64();
    while (end - heap.at >= 16) {
      this.#step();
      const index = heap.u16();
      heap.skip(6);
      const size = heap.u64();
      if (index === 0) break;
      if (index === wanted) return paddedText(heap.slice(size).subarray(0, length));
      heap.skip(size + (-size & 7));
    }
    throw invalid(this.#where, `text ${wanted} of a heap`, undefined);
  }

  #dataset(path: string, messages: readonly Message[], layout: Message): H5Dataset {
    const find = (type: number): Uint8Array => {
      const message = messages.find((candidate) => candidate.type === type);
      if (!message) throw invalid(path, 'a shape and a datatype', phrase('a dataset without'));
      return message.data;
    };
    const shape = readShape(new ByteReader(find(TYPE.dataspace), path));
    const read = (): Tensor => {
      const datatype = readDatatype(new ByteReader(find(TYPE.datatype), path));
      if (datatype.kind !== 'number') {
        throw unsupported(path, 'numbers', datatype.kind === 'other' ? datatype.what : 'texts');
      }
      const length = countOf(shape, path) * datatype.size;
      const filters = messages.find(({ type }) => type === TYPE.filters);
      const bytes = this.#stored(path, layout.data, shape, datatype.size, length, filters?.data);
      return tensorOf(littleEndian(bytes, datatype), datatype.dtype, shape, path);
    };
    return { kind: 'dataset', path, shape, read };
  }

  /** A dataset's bytes, wherever the layout says that they are. */
  #stored(
    path: string,
    layout: Uint8Array,
    shape: readonly number[],
    size: number,
    length: number,
    filters: Uint8Array | undefined,
  ): Uint8Array {
    const reader = new ByteReader(layout, path);
    const version = reader.u8();
    if (version !== 3 && version !== 4) throw unsupported(path, 'a layout of version 3 or 4', version);
    const kind = reader.u8();
    if (kind === 0) return reader.slice(reader.u16());
    if (kind === 1) {
      const address = reader.u64();
      if (address === UNDEFINED) throw invalid(path, 'values', phrase('a dataset that was never written'));
      const stored = reader.u64();
      if (stored !== length) throw invalid(path, `${length} bytes`, phrase(`${stored} bytes`));
      return this.#reader.from(address).slice(length);
    }
    if (kind !== 2) throw unsupported(path, 'a dataset in this file', phrase(`layout ${kind}`));
    if (version === 4) throw latest(this.#where, path);
    const rank = reader.u8() - 1;
    if (rank !== shape.length) throw invalid(path, `chunks of ${shape.length} axes`, rank);
    const tree = reader.u64();
    const chunk = shape.map(() => reader.u32());
    if (reader.u32() !== size || chunk.some((side) => side === 0)) throw invalid(path, 'chunks', chunk);
    // A file cannot hold more than its own length, or what deflate makes of it.
    if (length > this.#reader.bytes.length * 1032) throw invalid(path, 'a size that can be', shape);
    const bytes = new Uint8Array(length);
    const count = shape.reduce((product, side, axis) => product * Math.ceil(side / chunk[axis]!), 1);
    const plan = { path, shape, chunk, size, filters: readFilters(filters, path), bytes, left: count };
    if (tree !== UNDEFINED) this.#chunks(tree, plan, 0);
    // HDF5 gives what was never written a fill value. No model's weights are left to that.
    if (plan.left > 0)
      throw invalid(path, `${count} chunks`, phrase(`${count - plan.left}: some were never written`));
    return bytes;
  }

  #chunks(address: number, plan: ChunkPlan, depth: number): void {
    const { path, shape, chunk, size } = plan;
    if (depth > MOST_DEPTH) throw invalid(path, 'a shallow tree', phrase('a deep one'));
    this.#step();
    const reader = this.#reader.from(address);
    this.#expect(reader, 'TREE');
    const [type, level, count] = [reader.u8(), reader.u8(), reader.u16()];
    if (type !== 1) throw invalid(path, 'a tree of chunks', phrase(`type ${type}`));
    reader.skip(16);
    for (let i = 0; i < count; i++) {
      this.#step();
      const stored = reader.u32();
      const skipped = reader.u32();
      const start = shape.map(() => reader.u64());
      reader.skip(8);
      const child = reader.u64();
      if (level > 0) this.#chunks(child, plan, depth + 1);
      else {
        if (plan.left-- === 0) throw invalid(path, 'as many chunks as its shape has', phrase('more'));
        const raw = this.#reader.from(child).slice(stored);
        const whole = chunk.reduce((product, side) => product * side, size);
        placeChunk(unfilter(raw, plan, skipped, whole), start, plan);
      }
    }
  }
}

interface ChunkPlan {
  readonly path: string;
  readonly shape: readonly number[];
  readonly chunk: readonly number[];
  readonly size: number; // bytes of a value
  readonly filters: readonly number[];
  readonly bytes: Uint8Array; // the whole dataset's
  left: number; // chunks that may still come
}

const latest = (where: string, path: string): Error =>
  unsupported(
    where,
    "a file of h5py's default kind",
    phrase(`${path || 'its root'}, which was saved with libver "latest"`),
  );

const DEFLATE = 1;
const SHUFFLE = 2;

/** The filters that a dataset's chunks went through, in the order of writing. */
const readFilters = (message: Uint8Array | undefined, path: string): readonly number[] => {
  if (!message) return [];
  const reader = new ByteReader(message, path);
  const version = reader.u8();
  const count = reader.u8();
  if (version === 1) reader.skip(6);
  return Array.from({ length: count }, () => {
    const id = reader.u16();
    if (id !== DEFLATE && id !== SHUFFLE)
      throw unsupported(path, 'gzip or no compression', phrase(`filter ${id}`));
    const nameLength = version === 1 ? reader.u16() : 0;
    reader.skip(2);
    const values = reader.u16();
    reader.skip(nameLength + (-nameLength & 7));
    reader.skip(4 * values + (version === 1 && values % 2 === 1 ? 4 : 0));
    return id;
  });
};

const unfilter = (raw: Uint8Array, plan: ChunkPlan, skipped: number, whole: number): Uint8Array => {
  let bytes = raw;
  for (let i = plan.filters.length - 1; i >= 0; i--) {
    if (skipped & (1 << i)) continue;
    if (plan.filters[i] === SHUFFLE) bytes = unshuffle(bytes, plan.size);
    else {
      if (whole > raw.length * 1032) throw invalid(plan.path, 'chunks that can be', plan.chunk);
      try {
        bytes = unzlibSync(bytes, { out: new Uint8Array(whole) });
      } catch (error) {
        throw invalid(plan.path, 'a whole compressed chunk', String(error));
      }
    }
  }
  if (bytes.length !== whole) throw invalid(plan.path, `a chunk of ${whole} bytes`, bytes.length);
  return bytes;
};

/** All first bytes, all second bytes … back to whole values. */
const unshuffle = (bytes: Uint8Array, size: number): Uint8Array => {
  const count = Math.floor(bytes.length / size);
  const values = bytes.slice();
  for (let byte = 0; byte < size; byte++) {
    for (let i = 0; i < count; i++) values[i * size + byte] = bytes[byte * count + i]!;
  }
  return values;
};

/** Copies a chunk to its place; what stands beyond the dataset's edge is left out. */
const placeChunk = (from: Uint8Array, start: readonly number[], plan: ChunkPlan): void => {
  const { shape, chunk, size, bytes, path } = plan;
  if (start.some((at, axis) => !(at < shape[axis]!))) throw invalid(path, 'chunks within its shape', start);
  /** @param source, target In values: where this axis' first entry stands. */
  const copy = (axis: number, source: number, target: number): void => {
    if (axis === shape.length) {
      bytes.set(from.subarray(source * size, (source + 1) * size), target * size);
      return;
    }
    const side = Math.min(chunk[axis]!, shape[axis]! - start[axis]!);
    const first = target + start[axis]! * stride(shape, axis);
    if (axis === shape.length - 1) {
      bytes.set(from.subarray(source * size, (source + side) * size), first * size);
      return;
    }
    for (let i = 0; i < side; i++) {
      copy(axis + 1, source + i * stride(chunk, axis), first + i * stride(shape, axis));
    }
  };
  copy(0, 0, 0);
};

/** How far apart an axis' entries stand, in values. */
const stride = (shape: readonly number[], axis: number): number =>
  shape.slice(axis + 1).reduce((product, side) => product * side, 1);

const readShape = (reader: ByteReader): readonly number[] => {
  const version = reader.u8();
  const rank = reader.u8();
  reader.skip(version === 1 ? 6 : 2);
  return Array.from({ length: rank }, () => reader.u64());
};

const readDatatype = (reader: ByteReader): Datatype => {
  const kind = reader.u8() & 15;
  const bits = reader.u8();
  reader.skip(2);
  const size = reader.u32();
  const bigEndian = (bits & 1) !== 0;
  if (kind === 0) {
    const signed = (bits & 8) !== 0;
    const dtype = ({ 1: 'int8', 2: 'int16', 4: 'int32', 8: 'int64' } as const)[size as 1 | 2 | 4 | 8];
    if (dtype && (signed || size === 1)) {
      return { kind: 'number', dtype: signed ? dtype : 'uint8', size, bigEndian };
    }
    return { kind: 'other', what: `integers of ${size} bytes`, size };
  }
  if (kind === 1) {
    const exponentBits = reader.skip(5).u8();
    if (size === 2) {
      return { kind: 'number', dtype: exponentBits === 8 ? 'bfloat16' : 'float16', size, bigEndian };
    }
    if (size === 4) return { kind: 'number', dtype: 'float32', size, bigEndian };
    if (size === 8) return { kind: 'number', dtype: 'float64', size, bigEndian };
  }
  if (kind === 3) return { kind: 'text', size };
  if (kind === 8 && size === 1) return { kind: 'number', dtype: 'int8', size, bigEndian: false };
  if (kind === 9 && (bits & 15) === 1) return { kind: 'long-text', size: 16 };
  return { kind: 'other', what: `values of class ${kind}`, size };
};

const littleEndian = (bytes: Uint8Array, { bigEndian, size }: { bigEndian: boolean; size: number }) => {
  if (!bigEndian || size === 1) return bytes;
  const turned = bytes.slice();
  for (let at = 0; at + size <= turned.length; at += size) turned.subarray(at, at + size).reverse();
  return turned;
};

const textUntilNul = (reader: ByteReader): string => {
  const end = reader.bytes.indexOf(0, reader.at);
  return reader.utf8((end < 0 ? reader.bytes.length : end) - reader.at);
};

/** A text of fixed size is filled up with NULs. */
const paddedText = (bytes: Uint8Array): string => {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return new TextDecoder().decode(bytes.subarray(0, end));
};
