import { invalid, phrase, unsupported } from '../model/format/invalid.ts';
import type { ByteReader } from './byte-reader.ts';

/**
 * Reads a pickle as data. A pickle is a program that may call anything in Python; this reader knows the opcodes that
 * build values, and of what a pickle may call only the constructors that its caller lists: nothing is ever executed.
 * What another call would give is a `PickleObject`, which says no more than the name.
 *
 * Format: cpython, Lib/pickletools.py (protocols 0 to 5).
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | PickleTuple
  | PickleDict
  | PickleGlobal
  | PickleObject
  | object;

export class PickleTuple {
  readonly items: readonly PickleValue[];
  constructor(items: readonly PickleValue[]) {
    this.items = items;
  }
}

/** A dict, with keys of any kind, in order. */
export class PickleDict {
  readonly entries = new Map<PickleValue, PickleValue>();
  /** Entries whose key is a text. */
  text(key: string): PickleValue | undefined {
    return this.entries.get(key);
  }
}

/** The name of a class or function: `torch._utils _rebuild_tensor_v2`. */
export class PickleGlobal {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** An object of a class that is not on the list: its name alone, without anything that it holds. */
export class PickleObject {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

export interface PickleRules {
  /** What a call of this name with these arguments gives; undefined for a name that is not on the list. */
  readonly call: (name: string, args: readonly PickleValue[]) => PickleValue | undefined;
  /** What a persistent id stands for. */
  readonly persistent: (id: PickleValue) => PickleValue;
}

const MOST_STEPS = 5_000_000;

/** @throws FolioError `model_invalid` for a damaged pickle, `model_unsupported` for an opcode that builds no plain value */
export const readPickle = (reader: ByteReader, where: string, rules: PickleRules): PickleValue =>
  new Unpickler(reader, where, rules).run();

const MARK = Symbol('mark');
type Item = PickleValue | typeof MARK;

class Unpickler {
  readonly #reader: ByteReader;
  readonly #where: string;
  readonly #rules: PickleRules;
  readonly #stack: Item[] = [];
  readonly #memo = new Map<number, PickleValue>();

  constructor(reader: ByteReader, where: string, rules: PickleRules) {
    this.#reader = reader;
    this.#where = where;
    this.#rules = rules;
  }

  run(): PickleValue {
    for (let steps = 0; steps < MOST_STEPS; steps++) {
      const opcode = this.#reader.u8();
      if (opcode === 0x2e) return this.#pop(); // .
      this.#step(opcode);
    }
    throw invalid(this.#where, `at most ${MOST_STEPS} opcodes`, phrase('more'));
  }

  #pop(): PickleValue {
    const item = this.#stack.pop();
    if (item === undefined || item === MARK) throw invalid(this.#where, 'a value', phrase('an empty stack'));
    return item as PickleValue;
  }

  #top(): PickleValue {
    const item = this.#stack.at(-1);
    if (item === undefined || item === MARK) throw invalid(this.#where, 'a value', phrase('an empty stack'));
    return item as PickleValue;
  }

  /** What was put down since the last mark, which goes too. */
  #sinceMark(): PickleValue[] {
    const at = this.#stack.lastIndexOf(MARK);
    if (at < 0) throw invalid(this.#where, 'a mark', undefined);
    return this.#stack.splice(at).slice(1) as PickleValue[];
  }

  #push(value: PickleValue): void {
    this.#stack.push(value);
  }

  #line(): string {
    const { bytes, at } = this.#reader;
    const end = bytes.indexOf(10, at);
    if (end < 0) throw invalid(this.#where, 'a line', phrase('the end of the file'));
    const line = this.#reader.utf8(end - at);
    this.#reader.skip(1);
    return line;
  }

  #remember(key: number): void {
    this.#memo.set(key, this.#top());
  }

  #recall(key: number): void {
    const value = this.#memo.get(key);
    if (value === undefined) throw invalid(this.#where, `value ${key}`, undefined);
    this.#push(value);
  }

  #tuple(length: number): void {
    const items = Array.from({ length }, () => this.#pop()).reverse();
    this.#push(new PickleTuple(items));
  }

  #setItems(items: readonly PickleValue[]): void {
    const target = this.#top();
    if (target instanceof PickleObject) return;
    if (!(target instanceof PickleDict)) throw invalid(this.#where, 'a dict', phrase('something else'));
    if (items.length % 2 !== 0) throw invalid(this.#where, 'keys and values', phrase('an odd one'));
    for (let i = 0; i < items.length; i += 2) target.entries.set(items[i]!, items[i + 1]!);
  }

  #append(items: readonly PickleValue[]): void {
    const target = this.#top();
    if (target instanceof PickleObject) return;
    if (!Array.isArray(target)) throw invalid(this.#where, 'a list', phrase('something else'));
    for (const item of items) target.push(item);
  }

  #global(name: string): void {
    this.#push(new PickleGlobal(name));
  }

  #reduce(): void {
    const args = this.#pop();
    const callee = this.#pop();
    const isName = callee instanceof PickleGlobal || callee instanceof PickleObject;
    if (!isName || !(args instanceof PickleTuple)) {
      throw invalid(this.#where, 'a call by name', phrase('another'));
    }
    const known = callee instanceof PickleGlobal ? this.#rules.call(callee.name, args.items) : undefined;
    this.#push(known === undefined ? new PickleObject(callee.name) : known);
  }

  /** Python's `int` in little-endian two's complement. */
  #long(length: number): number | bigint {
    const bytes = this.#reader.slice(length);
    if (length > 256) throw invalid(this.#where, 'a number of at most 256 bytes', length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
    if (length > 0 && bytes[length - 1]! & 0x80) value -= 1n << BigInt(8 * length);
    const plain = Number(value);
    return Number.isSafeInteger(plain) ? plain : value;
  }

  #number(text: string): number | bigint | boolean {
    if (text === '00') return false;
    if (text === '01') return true;
    const digits = text.replace(/L$/, '');
    if (!/^-?\d{1,600}$/.test(digits)) throw invalid(this.#where, 'a number', text);
    const value = BigInt(digits);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  #step(opcode: number): void {
    const reader = this.#reader;
    switch (String.fromCharCode(opcode)) {
      case '\x80': // PROTO
        if (reader.u8() > 5)
          throw unsupported(this.#where, 'a pickle of protocol 0 to 5', phrase('a later one'));
        return;
      case '\x95': // FRAME
        reader.skip(8);
        return;
      case '(':
        this.#stack.push(MARK);
        return;
      case '0':
        this.#stack.pop();
        return;
      case '1':
        this.#sinceMark();
        return;
      case '2':
        this.#push(this.#top());
        return;
      case 'N':
        this.#push(null);
        return;
      case '\x88':
        this.#push(true);
        return;
      case '\x89':
        this.#push(false);
        return;
      case 'K':
        this.#push(reader.u8());
        return;
      case 'M':
        this.#push(reader.u16());
        return;
      case 'J':
        this.#push(reader.i32());
        return;
      case '\x8a':
        this.#push(this.#long(reader.u8()));
        return;
      case '\x8b':
        this.#push(this.#long(reader.u32()));
        return;
      case 'I':
      case 'L':
        this.#push(this.#number(this.#line()));
        return;
      case 'G':
        this.#push(reader.f64BigEndian());
        return;
      case 'F':
        this.#push(Number(this.#line()));
        return;
      case 'X':
      case 'T': // Python 2's str, as Latin-1 or UTF-8
        this.#push(reader.utf8(reader.u32()));
        return;
      case '\x8c':
      case 'U':
        this.#push(reader.utf8(reader.u8()));
        return;
      case '\x8d':
        this.#push(reader.utf8(reader.u64()));
        return;
      case 'V':
      case 'S':
        this.#push(this.#line().replace(/^(['"])(.*)\1$/, '$2'));
        return;
      case 'B':
        this.#push(reader.slice(reader.u32()));
        return;
      case 'C':
        this.#push(reader.slice(reader.u8()));
        return;
      case '\x8e':
      case '\x96':
        this.#push(reader.slice(reader.u64()));
        return;
      case ']':
        this.#push([]);
        return;
      case 'l':
        this.#push(this.#sinceMark());
        return;
      case 'a': {
        const item = this.#pop();
        this.#append([item]);
        return;
      }
      case 'e':
        this.#append(this.#sinceMark());
        return;
      case ')':
        this.#push(new PickleTuple([]));
        return;
      case 't':
        this.#push(new PickleTuple(this.#sinceMark()));
        return;
      case '\x85':
        this.#tuple(1);
        return;
      case '\x86':
        this.#tuple(2);
        return;
      case '\x87':
        this.#tuple(3);
        return;
      case '}':
        this.#push(new PickleDict());
        return;
      case 'd': {
        const items = this.#sinceMark();
        this.#push(new PickleDict());
        this.#setItems(items);
        return;
      }
      case 's': {
        const value = this.#pop();
        const key = this.#pop();
        this.#setItems([key, value]);
        return;
      }
      case 'u':
        this.#setItems(this.#sinceMark());
        return;
      case '\x8f': // EMPTY_SET
        this.#push([]);
        return;
      case '\x90': // ADDITEMS
        this.#append(this.#sinceMark());
        return;
      case '\x91': // FROZENSET
        this.#push(this.#sinceMark());
        return;
      case 'q':
        this.#remember(reader.u8());
        return;
      case 'r':
        this.#remember(reader.u32());
        return;
      case '\x94':
        this.#remember(this.#memo.size);
        return;
      case 'p':
        this.#remember(Number(this.#number(this.#line())));
        return;
      case 'h':
        this.#recall(reader.u8());
        return;
      case 'j':
        this.#recall(reader.u32());
        return;
      case 'g':
        this.#recall(Number(this.#number(this.#line())));
        return;
      case 'c': {
        const module = this.#line();
        this.#global(`${module} ${this.#line()}`);
        return;
      }
      case '\x93': {
        const name = this.#pop();
        const module = this.#pop();
        this.#global(`${String(module)} ${String(name)}`);
        return;
      }
      case 'R':
      case '\x81': // NEWOBJ
        this.#reduce();
        return;
      case '\x92': // NEWOBJ_EX, with arguments by name
        this.#pop();
        this.#reduce();
        return;
      case 'b': // BUILD: attributes of an object, of which none means anything here
        this.#pop();
        return;
      case 'Q':
        this.#push(this.#rules.persistent(this.#pop()));
        return;
      default:
        throw unsupported(
          this.#where,
          'a pickle of plain values',
          phrase(`opcode 0x${opcode.toString(16).padStart(2, '0')}`),
        );
    }
  }
}
