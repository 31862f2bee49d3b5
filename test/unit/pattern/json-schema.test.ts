import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { Position } from '../../../src/pattern/automaton.ts';
import { compilePattern } from '../../../src/pattern/compile-pattern.ts';

const characters = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).concat('\n', 'é', '𝒳');

const compile = (schema: unknown) =>
  compilePattern(JSON.stringify(schema), '', characters, undefined, 'json-schema');

const startOf = (schema: unknown): Position => {
  const { automaton, fault } = compile(schema);
  if (fault !== undefined) throw new Error(fault.message);
  return automaton.start;
};

const fits = (schema: unknown, text: string): boolean =>
  [...text].reduce<Position | undefined>((at, one) => at?.next(characters.indexOf(one)), startOf(schema))
    ?.accepts ?? false;

/** A text that a schema allows, of random characters. */
const randomText = (schema: unknown, length: number, random: () => number): string => {
  let position = startOf(schema);
  let text = '';
  while (!position.isComplete) {
    const mask = position.maskFor(length - [...text].length);
    const ids = characters.flatMap((_, id) => (mask[id] === 1 ? [id] : []));
    if (ids.length === 0) break;
    const id = ids[Math.floor(random() * ids.length)]!;
    text += characters[id]!;
    position = position.next(id)!;
  }
  expect(position.accepts).toBe(true);
  return text;
};

interface Case {
  readonly schema: Readonly<Record<string, unknown>>;
  readonly allows: (value: unknown) => boolean;
}

const bounds = fc.tuple(fc.integer({ min: -5000, max: 5000 }), fc.nat(3000));
const values: fc.Arbitrary<Case> = fc.oneof(
  fc.tuple(fc.nat(4), fc.nat(8)).map(([min, more]) => ({
    schema: { type: 'string', minLength: min, maxLength: min + more },
    allows: (value: unknown) =>
      typeof value === 'string' && [...value].length >= min && [...value].length <= min + more,
  })),
  bounds.map(([minimum, more]) => ({
    schema: { type: 'integer', minimum, maximum: minimum + more },
    allows: (value: unknown) =>
      Number.isInteger(value) && (value as number) >= minimum && (value as number) <= minimum + more,
  })),
  fc.constant({ schema: { type: 'integer' }, allows: (value: unknown) => Number.isSafeInteger(value) }),
  fc.constant({ schema: { type: 'number', minimum: 0 }, allows: (value: unknown) => (value as number) >= 0 }),
  fc.constant({
    schema: { type: 'number', exclusiveMinimum: 0 },
    allows: (value: unknown) => (value as number) > 0,
  }),
  fc.constant({ schema: { type: 'boolean' }, allows: (value: unknown) => typeof value === 'boolean' }),
  fc.constant({
    schema: { type: ['string', 'null'], maxLength: 3 },
    allows: (value: unknown) => value === null || (value as string).length <= 6,
  }),
  fc.constant({
    schema: { enum: ['red', 'a "quoted" one', 7, true, null] },
    allows: (value: unknown) => ['red', 'a "quoted" one', 7, true, null].includes(value as string),
  }),
  fc.constant({ schema: { const: 'x\ny' }, allows: (value: unknown) => value === 'x\ny' }),
  fc.constant({
    schema: { type: 'string', pattern: '^[A-Z]{2}-\\d+$' },
    allows: (value: unknown) => /^[A-Z]{2}-\d+$/.test(value as string),
  }),
  fc.constant({
    schema: { type: 'string', pattern: 'a[^b]c' },
    allows: (value: unknown) => /a[^b]c/u.test(value as string),
  }),
  fc.constant({
    schema: { type: 'string', format: 'date' },
    allows: (value: unknown) =>
      /^\d{4}-\d\d-\d\d$/.test(value as string) &&
      !Number.isNaN(Date.parse((value as string).replace(/\d\d$/, '01'))),
  }),
  fc.tuple(fc.nat(2), fc.nat(3)).map(([min, more]) => ({
    schema: {
      type: 'array',
      items: { type: 'integer', minimum: 0, maximum: 99 },
      minItems: min,
      maxItems: min + more,
    },
    allows: (value: unknown) =>
      Array.isArray(value) &&
      value.length >= min &&
      value.length <= min + more &&
      value.every((one) => one >= 0 && one < 100),
  })),
);

describe('a JSON schema', () => {
  it('gives texts that JSON.parse reads and that fit it', () => {
    const objects = fc.record({
      properties: fc.dictionary(fc.constantFrom('a', 'name', 'two words', '"', 'é'), values, { maxKeys: 5 }),
      optional: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
      seed: fc.integer({ min: 1, max: 2 ** 30 }),
    });
    fc.assert(
      fc.property(objects, ({ properties, optional, seed }) => {
        const names = Object.keys(properties);
        const required = names.filter((_, i) => optional[i] === false);
        const schema = {
          type: 'object',
          title: 'Anything',
          properties: Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, one.schema])),
          required,
          additionalProperties: false,
        };
        let state = seed;
        const random = (): number => {
          state = (state * 48271) % 2147483647;
          return state / 2147483647;
        };
        const text = randomText(schema, 400, random);
        const value = JSON.parse(text) as Record<string, unknown>;
        expect(Object.keys(value)).toEqual(names.filter((name) => name in value));
        expect(required.filter((name) => !(name in value))).toEqual([]);
        const wrong = Object.entries(value).filter(([name, one]) => !properties[name]!.allows(one));
        expect(wrong).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('that leaves all open gives objects that JSON.parse reads, of every length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 30 }), fc.integer({ min: 2, max: 300 }), (seed, length) => {
        let state = seed;
        const random = (): number => {
          state = (state * 48271) % 2147483647;
          return state / 2147483647;
        };
        const text = randomText({ type: 'object' }, length, random);
        expect([...text].length).toBeLessThanOrEqual(length);
        expect(Object.getPrototypeOf(JSON.parse(text))).toBe(Object.prototype);
      }),
      { numRuns: 200 },
    );
  });

  it('allows every whole number between bounds and no other', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1200, max: 1200 }), fc.nat(1500), (minimum, more) => {
        const maximum = minimum + more;
        const start = startOf({ type: 'integer', minimum, maximum });
        const accepts = (text: string): boolean =>
          [...text].reduce<Position | undefined>((at, one) => at?.next(characters.indexOf(one)), start)
            ?.accepts ?? false;
        const found = Array.from({ length: 6000 }, (_, i) => i - 3000).filter((value) =>
          accepts(String(value)),
        );
        expect([found[0], found.at(-1), found.length]).toEqual([minimum, maximum, more + 1]);
        expect([accepts('-0'), accepts('01'), accepts('')]).toEqual([false, false, false]);
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    [
      { type: 'object', properties: { a: { type: 'boolean' }, b: { type: 'null' } }, required: ['b'] },
      ['{"a": true, "b": null}', '{"b": null}'],
      ['{}', '{"a": true}', '{"b": null, "a": true}', '{, "b": null}'],
    ],
    [
      { type: 'object', properties: { a: { type: 'null' }, b: { type: 'null' } } },
      ['{}', '{"a": null}', '{"b": null}', '{"a": null, "b": null}'],
      ['{"a": null,}'],
    ],
    [
      { properties: { kind: { $ref: '#/$defs/Kind' } }, $defs: { Kind: { enum: ['x', 'y'] } } },
      ['{"kind": "x"}'],
      ['{"kind": "z"}'],
    ],
    [
      { anyOf: [{ type: 'boolean' }, { type: 'integer', exclusiveMinimum: 3, exclusiveMaximum: 5 }] },
      ['true', '4'],
      ['3', '5', '"a"'],
    ],
    [{ type: 'array', items: { type: 'boolean' }, maxItems: 0 }, ['[]'], ['[true]']],
    [{ type: 'string' }, ['"a\\nb"', '""', '"é𝒳"'], ['"a\nb"', '"\\x"', '"""']],
    [
      {
        type: 'object',
        properties: { deep: { type: 'object', properties: { a: { type: 'null' } }, required: ['a'] } },
        required: ['deep'],
      },
      ['{"deep": {"a": null}}'],
      ['{"deep": {}}'],
    ],
    [
      { type: 'object' },
      [
        '{}',
        '{"a": 1, "a": [true, null]}',
        '{"a":{"b":{"c":{"d":{}}}}}',
        '{\n  "a": -1.5e+3,\n  "b": "x"\n}',
      ],
      ['', '[]', '1', '{"a"}', '{"a": 1,}', '{"a": 01}', '{ }', '{"a":{"b":{"c":{"d":{"e":{}}}}}}'],
    ],
    [{}, ['1', '"a"', 'null', '[[[[[]]]]]', '[{"a": []}, "b"]'], ['', '[[[[[[]]]]]]', '[1 2]']],
    [{ type: 'array', minItems: 1 }, ['[1]', '[1, {"a": []}]'], ['[]']],
    [{ type: 'object', additionalProperties: false }, ['{}'], ['{"a": 1}']],
    [{ type: 'object', properties: {} }, ['{}'], ['{"a": 1}']],
    [
      {
        type: 'object',
        propertyNames: { pattern: '^[a-z]+$' },
        additionalProperties: { type: 'integer', minimum: 0, maximum: 9 },
      },
      ['{}', '{"a": 1,"bc":2}'],
      ['{"a": 10}', '{"A": 1}', '{"": 1}'],
    ],
    [
      { type: 'object', properties: { a: { type: 'object' } }, required: ['a'] },
      ['{"a": {"b":{"c":{"d":{}}}}}'],
      ['{"a": {"b":{"c":{"d":{"e":{}}}}}}'],
    ],
  ] as const)('%j', (schema, fitting, others) => {
    expect(fitting.filter((text) => !fits(schema, text))).toEqual([]);
    expect(others.filter((text) => fits(schema, text))).toEqual([]);
  });

  test.each([
    [{ minimum: 3 }, 'type: expected one of'],
    [{ type: 'any' }, 'type: expected one of object'],
    [
      { type: 'object', properties: { a: { type: 'string', contentEncoding: 'x' } } },
      'properties.a.contentEncoding',
    ],
    [{ type: 'object', properties: { a: 5 } }, 'properties.a: expected a schema'],
    [{ type: 'object', required: ['a'] }, 'required: expected names of properties, received "a"'],
    [{ $ref: '#/$defs/None' }, '$ref: there is no'],
    [{ $ref: 'https://example.org/x' }, '$ref: expected a place in this schema'],
    [{ properties: { a: { $ref: '#' } } }, 'at most 16 schemas in schemas'],
    [{ type: 'number', minimum: 3 }, 'minimum: supported only as 0'],
    [{ type: 'string', pattern: '(a' }, 'pattern: Unterminated group'],
    [{ type: 'string', pattern: 'a', maxLength: 3 }, 'pattern: not supported together with'],
    [{ type: 'string', format: 'hostname' }, 'format: expected one of date'],
    [{ type: 'integer', minimum: 3, maximum: 2 }, 'no whole number'],
    [{ allOf: [{ type: 'null' }, { type: 'null' }] }, 'allOf: expected one schema'],
  ])('%j is refused: %s', (schema, message) => {
    expect(compile(schema).fault).toMatchObject({
      kind: 'syntax',
      message: expect.stringContaining(message),
    });
  });

  it('that refers to itself again and again ends in an error', () => {
    const properties = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`p${i}`, { $ref: '#' }]));
    expect(compile({ properties }).fault?.kind).toMatch(/limit|syntax/);
  });
});
