import { type Expression, parseExpression } from './expression.ts';
import { characterSet, choice, list, literal, optional, repeat, sequence } from './expressions.ts';
import { limitExceeded, PatternFaultError } from './fault.ts';
import { integersBetween } from './integer-range.ts';

type Json = Readonly<Record<string, unknown>>;

/** Objects in objects, references to references. */
const MOST_DEPTH = 16;
/** Levels of objects and arrays in what a schema leaves open. */
const MOST_OPEN_DEPTH = 5;
/** Schemas in a schema, those that references repeat each time. */
const MOST_SCHEMAS = 2000;

/** Keywords that say something for people alone. */
const annotations = new Set([
  '$schema',
  '$id',
  '$comment',
  '$defs',
  'definitions',
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
]);

/** What else each type may say. */
const keywords: Readonly<Record<string, readonly string[]>> = {
  object: ['properties', 'required', 'additionalProperties', 'propertyNames'],
  array: ['items', 'minItems', 'maxItems'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  integer: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  number: ['minimum', 'exclusiveMinimum'],
  boolean: [],
  null: [],
};

/** `format` of strings, as RFC 3339, 5321 and 9562 have them, without what only a calendar knows. */
const date = '\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])';
const time = '(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,6})?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)';
const formats: Readonly<Record<string, string>> = {
  date,
  time,
  'date-time': `${date}T${time}`,
  email: '[\\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\\.[A-Za-z0-9-]{1,63}){1,3}',
  uuid: '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
};

/**
 * The JSON texts that a schema allows, as an expression: properties in the schema's order, `", "` and `": "` between,
 * as Python writes them.
 *
 * @throws PatternFaultError for a schema that is beyond an automaton, or beyond what is written here
 */
export const expressionOfSchema = (schema: unknown): Expression =>
  new SchemaReader(schema).read(schema, '', 0);

class SchemaReader {
  readonly #root: unknown;
  #schemas = 0;

  constructor(root: unknown) {
    this.#root = root;
  }

  /** @param where Of the schema in its root: `properties.age`. */
  read(schema: unknown, where: string, depth: number): Expression {
    if (schema === true || (isObject(schema) && Object.keys(schema).every((key) => annotations.has(key)))) {
      return anyValue(openDepth(depth));
    }
    if (!isObject(schema)) throw fault(where, 'expected a schema, an object');
    if (++this.#schemas > MOST_SCHEMAS) throw limitExceeded(`has more than ${MOST_SCHEMAS} schemas`);
    if (depth > MOST_DEPTH) throw fault(where, `expected at most ${MOST_DEPTH} schemas in schemas`);
    const { $ref: reference, enum: values, const: value, type } = schema;
    const at = (key: string): string => (where === '' ? key : `${where}.${key}`);
    if (reference !== undefined) return this.read(this.#resolve(reference, at('$ref')), where, depth + 1);
    for (const key of ['anyOf', 'oneOf', 'allOf'] as const) {
      const parts = schema[key];
      if (parts === undefined) continue;
      if (!Array.isArray(parts) || parts.length === 0 || (key === 'allOf' && parts.length > 1)) {
        throw fault(at(key), `expected ${key === 'allOf' ? 'one schema' : 'an array of schemas'}`);
      }
      return choice(...parts.map((part, i) => this.read(part, `${at(key)}[${i}]`, depth + 1)));
    }
    if (Object.hasOwn(schema, 'const')) return literal(JSON.stringify(value));
    if (values !== undefined) {
      if (!Array.isArray(values) || values.length === 0)
        throw fault(at('enum'), 'expected an array of values');
      return choice(...values.map((one) => literal(JSON.stringify(one))));
    }
    if (Array.isArray(type)) {
      return choice(...type.map((one) => this.read(onlyOf(schema, one), where, depth + 1)));
    }
    return this.#ofType(
      schema,
      type ?? (schema.properties === undefined ? undefined : 'object'),
      where,
      depth,
    );
  }

  #ofType(schema: Json, type: unknown, where: string, depth: number): Expression {
    const at = (key: string): string => (where === '' ? key : `${where}.${key}`);
    const own = typeof type === 'string' && Object.hasOwn(keywords, type) ? keywords[type] : undefined;
    if (own === undefined) {
      throw fault(
        at('type'),
        `expected one of ${Object.keys(keywords).join(', ')}, received ${JSON.stringify(type)}`,
      );
    }
    for (const key of Object.keys(schema)) {
      if (key === 'type' || annotations.has(key) || own.includes(key)) continue;
      throw fault(at(key), `not supported for the type ${String(type)}`);
    }
    switch (type) {
      case 'object':
        return isOpen(schema) ? this.#openObject(schema, where, depth) : this.#object(schema, where, depth);
      case 'array':
        return this.#array(schema, where, depth);
      case 'string':
        return stringOf(schema, at);
      case 'integer':
        return integerOf(schema, at);
      case 'number':
        return numberOf(schema, at);
      case 'boolean':
        return choice(literal('true'), literal('false'));
      default:
        return literal('null');
    }
  }

  #object({ properties = {}, required = [] }: Json, where: string, depth: number): Expression {
    const at = (key: string): string => (where === '' ? key : `${where}.${key}`);
    if (!isObject(properties)) throw fault(at('properties'), 'expected an object of schemas');
    if (!Array.isArray(required)) throw fault(at('required'), 'expected an array of names');
    const unknown = required.find((name) => typeof name !== 'string' || !Object.hasOwn(properties, name));
    if (unknown !== undefined) {
      throw fault(at('required'), `expected names of properties, received ${JSON.stringify(unknown)}`);
    }
    const members = Object.entries(properties).map(([name, schema]) => ({
      member: sequence(
        literal(`${JSON.stringify(name)}: `),
        this.read(schema, `${at('properties')}.${name}`, depth + 1),
      ),
      isRequired: required.includes(name),
    }));
    // Which property comes first decides where commas stand.
    let others = sequence();
    let first: Expression | undefined = sequence();
    for (const { member, isRequired } of members.toReversed()) {
      const here = sequence(member, others);
      first = isRequired ? here : choice(here, first);
      const later = sequence(literal(', '), member);
      others = sequence(isRequired ? later : optional(later), others);
    }
    return sequence(literal('{'), first, literal('}'));
  }

  /** Members of any names, their values as `additionalProperties` says. */
  #openObject({ additionalProperties, propertyNames }: Json, where: string, depth: number): Expression {
    const at = (key: string): string => (where === '' ? key : `${where}.${key}`);
    const values =
      additionalProperties === undefined || additionalProperties === true
        ? anyValue(openDepth(depth) - 1)
        : this.read(additionalProperties, at('additionalProperties'), depth + 1);
    if (propertyNames === undefined) return openObject(values);
    if (!isObject(propertyNames)) throw fault(at('propertyNames'), 'expected a schema, an object');
    const names = this.read({ type: 'string', ...propertyNames }, at('propertyNames'), depth + 1);
    return openObject(values, names);
  }

  #array(
    { items = true, minItems: min = 0, maxItems: max = Number.POSITIVE_INFINITY }: Json,
    where: string,
    depth: number,
  ): Expression {
    const at = (key: string): string => (where === '' ? key : `${where}.${key}`);
    const least = count(min, at('minItems'));
    const most = max === Number.POSITIVE_INFINITY ? Number.POSITIVE_INFINITY : count(max, at('maxItems'));
    const item = this.read(items, at('items'), depth + 1);
    const rest = sequence(literal(', '), item);
    const some =
      most === 0 ? sequence() : sequence(item, repeat(rest, Math.max(0, least - 1), Math.max(0, most - 1)));
    return sequence(literal('['), least === 0 ? optional(some) : some, literal(']'));
  }

  #resolve(reference: unknown, where: string): unknown {
    const path =
      typeof reference === 'string' && /^#(?:\/|$)/.test(reference) ? reference.slice(2) : undefined;
    if (path === undefined) throw fault(where, 'expected a place in this schema, such as "#/$defs/Name"');
    const found = path
      .split('/')
      .filter((part) => part !== '')
      .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
      .reduce<unknown>(
        (at, part) => (isObject(at) && Object.hasOwn(at, part) ? at[part] : undefined),
        this.#root,
      );
    if (found === undefined) throw fault(where, `there is no ${JSON.stringify(reference)}`);
    return found;
  }
}

/** Of a schema for several types, what it says for one. */
const onlyOf = (schema: Json, type: unknown): Json => {
  const others = Object.entries(keywords).flatMap(([name, own]) => (name === type ? [] : own));
  const own = keywords[String(type)] ?? [];
  const rest = Object.entries(schema).filter(([key]) => own.includes(key) || !others.includes(key));
  return { ...Object.fromEntries(rest), type };
};

/** What stands in a JSON string for itself. */
const isPlain = (character: string): boolean => character >= ' ' && character !== '"' && character !== '\\';
const plain = characterSet('json', '[^"\\\\\\x00-\\x1f]', isPlain);
const escaped = sequence(
  literal('\\'),
  characterSet('json-escape', '["\\\\/bfnrt]', (one) => '"\\/bfnrt'.includes(one)),
);

/** Between the signs of what a schema leaves open, as a corpus may have it: nothing, a space, or a new line and its indentation. */
const space = optional(
  choice(
    literal(' '),
    sequence(
      literal('\n'),
      repeat(
        characterSet('indentation', '[ \\t]', (one) => ' \t'.includes(one)),
        0,
        Infinity,
      ),
    ),
  ),
);
const anyString = sequence(literal('"'), repeat(choice(plain, escaped), 0, Infinity), literal('"'));
/** Any number of RFC 8259. */
const anyNumber = parseExpression('-?(?:0|[1-9]\\d*)(?:\\.\\d+)?(?:[eE][+-]?\\d+)?', '');
const scalars = [anyString, anyNumber, ...['true', 'false', 'null'].map(literal)];

/** Where a schema leaves open what is in it, objects and arrays go as deep as at the root, less what is around. */
const openDepth = (depth: number): number => Math.max(1, MOST_OPEN_DEPTH - depth);

/** @param depth Levels of objects and arrays that it may have. */
const anyValue = (depth: number): Expression => {
  if (depth <= 0) return choice(...scalars);
  const inner = anyValue(depth - 1);
  return choice(...scalars, openObject(inner), within('[', inner, ']'));
};

/** Whether an object's schema says nothing of its properties by name. */
const isOpen = ({ properties, required = [], additionalProperties }: Json): boolean =>
  properties === undefined &&
  additionalProperties !== false &&
  Array.isArray(required) &&
  required.length === 0;

const openObject = (values: Expression, names: Expression = anyString): Expression =>
  within('{', sequence(names, literal(':'), space, values), '}');

/** Any number of members between brackets. */
const within = (open: string, member: Expression, close: string): Expression =>
  sequence(
    literal(open),
    optional(sequence(space, list(member, sequence(literal(','), space)), space)),
    literal(close),
  );

const stringOf = (
  { minLength: min = 0, maxLength: max = Number.POSITIVE_INFINITY, pattern, format }: Json,
  at: (key: string) => string,
): Expression => {
  const quoted = (inner: Expression): Expression => sequence(literal('"'), inner, literal('"'));
  if (format !== undefined && pattern === undefined) {
    if (typeof format !== 'string' || !Object.hasOwn(formats, format)) {
      throw fault(at('format'), `expected one of ${Object.keys(formats).join(', ')}`);
    }
    return quoted(parseExpression(formats[format]!, ''));
  }
  const least = count(min, at('minLength'));
  const most = max === Number.POSITIVE_INFINITY ? Number.POSITIVE_INFINITY : count(max, at('maxLength'));
  if (pattern === undefined) return quoted(repeat(choice(plain, escaped), least, most));
  if (least > 0 || most < Number.POSITIVE_INFINITY) {
    throw fault(
      at('pattern'),
      'not supported together with minLength and maxLength: write the lengths in the pattern',
    );
  }
  if (typeof pattern !== 'string') throw fault(at('pattern'), 'expected a string');
  return quoted(unanchored(withinString(parsedPattern(pattern, at('pattern')))));
};

const parsedPattern = (pattern: string, where: string): Expression => {
  try {
    return parseExpression(pattern, '');
  } catch (error) {
    if (error instanceof PatternFaultError && error.fault.kind === 'syntax')
      throw fault(where, error.fault.message);
    throw error;
  }
};

/** A pattern of JSON Schema matches anywhere in a string, unless `^` and `$` hold it. */
const unanchored = (expression: Expression): Expression => {
  if (expression.kind === 'choice') return choice(...expression.parts.map(unanchored));
  let parts = expression.kind === 'sequence' ? [...expression.parts] : [expression];
  const isAnchor = (part: Expression | undefined, at: 'start' | 'end'): boolean =>
    part?.kind === 'assertion' && part.assertion.at === at;
  const anything = repeat(plain, 0, Number.POSITIVE_INFINITY);
  parts = isAnchor(parts[0], 'start') ? parts.slice(1) : [anything, ...parts];
  return sequence(...(isAnchor(parts.at(-1), 'end') ? parts.slice(0, -1) : [...parts, anything]));
};

/** The same with only characters that stand in a JSON string for themselves. */
const withinString = (expression: Expression): Expression => {
  switch (expression.kind) {
    case 'set': {
      const { key, raw, matches } = expression.set;
      return characterSet(`json&${key}`, raw, (character) => isPlain(character) && matches(character));
    }
    case 'repeat':
      return { ...expression, part: withinString(expression.part) };
    case 'list':
    case 'assertion':
      return expression;
    default:
      return { ...expression, parts: expression.parts.map(withinString) };
  }
};

const integerOf = (schema: Json, at: (key: string) => string): Expression => {
  const bound = (key: string, fallback: number): number => {
    const value = schema[key] ?? fallback;
    if (typeof value !== 'number') throw fault(at(key), 'expected a number');
    return value;
  };
  const min = Math.max(
    Math.ceil(bound('minimum', -Infinity)),
    Math.floor(bound('exclusiveMinimum', -Infinity)) + 1,
  );
  const max = Math.min(
    Math.floor(bound('maximum', Infinity)),
    Math.ceil(bound('exclusiveMaximum', Infinity)) - 1,
  );
  if (min > max) throw fault(at('minimum'), 'no whole number lies between the bounds');
  return integersBetween(min, max);
};

const numberOf = ({ minimum, exclusiveMinimum }: Json, at: (key: string) => string): Expression => {
  for (const [key, value] of Object.entries({ minimum, exclusiveMinimum })) {
    if (value !== undefined && value !== 0) {
      throw fault(at(key), 'supported only as 0 for the type number; integers may have any bounds');
    }
  }
  const whole = minimum === undefined && exclusiveMinimum === undefined ? '-?' : '';
  const positive = parseExpression('[1-9]\\d{0,14}(?:\\.\\d{1,6})?|0\\.\\d{0,5}[1-9]', '');
  if (exclusiveMinimum === 0) return positive;
  return parseExpression(`${whole}(?:0|[1-9]\\d{0,14})(?:\\.\\d{1,6})?`, '');
};

const count = (value: unknown, where: string): number => {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw fault(where, 'expected a whole number from 0');
};

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const fault = (where: string, message: string): PatternFaultError =>
  new PatternFaultError({ kind: 'syntax', message: where === '' ? message : `${where}: ${message}` });
