import * as z from 'zod/mini';
import { describeValue, expectedMessage } from '../../errors.ts';
import { nearestName } from './nearest-name.ts';
import type { ValidationErrors } from './validation-errors.ts';

/** A place in a request, short enough for a message: keys are the client's. */
const pathOf = (path: readonly PropertyKey[]): string => {
  const whole = path.reduce<string>(
    (before, part) =>
      typeof part === 'number'
        ? `${before}[${part}]`
        : before === ''
          ? String(part)
          : `${before}.${String(part)}`,
    '',
  );
  return whole.length > 80 ? `${whole.slice(0, 79)}…` : whole;
};

/** Deeper than any parameter is nested. */
const nesting = 6;

/** JSON's null says as much as an absent field, as in OpenAI's own types, and so it does within objects. */
const withoutNulls = (value: unknown, depth = 0): unknown => {
  if (depth > nesting) return value;
  if (Array.isArray(value)) {
    return value.some(isObject) ? value.map((one) => withoutNulls(one, depth + 1)) : value;
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) =>
      one === null ? [] : [[key, withoutNulls(one, depth + 1)]],
    ),
  );
};

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** What a schema expected; zod's own messages are sentences of another kind. */
const expectedBy = (issue: z.core.$ZodIssue): string => {
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? 'another key';
  if (!/^(?:Invalid|Too|Unrecognized)\b/.test(issue.message)) return issue.message;
  return issue.code === 'invalid_type' ? `a ${issue.expected}` : 'another value';
};

const namesOf = (schema: z.core.$ZodType): ReadonlySet<string> => {
  const { def } = schema._zod;
  return new Set('shape' in def ? Object.keys(def.shape as object) : []);
};

/** Checks a request against its schema; every fault lands in the list. @returns undefined when there was one */
export const parse = <Schema extends z.core.$ZodType>(
  schema: Schema,
  body: unknown,
  faults: ValidationErrors,
): z.output<Schema> | undefined => {
  const parsed = z.safeParse(schema, withoutNulls(body), { reportInput: true });
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) {
    const where = pathOf(issue.path);
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        const full = pathOf([...issue.path, key]);
        const meant = issue.path.length === 0 ? nearestName(key, namesOf(schema)) : undefined;
        const proposal = meant === undefined ? '.' : `; is ${meant} meant?`;
        faults.add('invalid_parameter', full, `${full}: there is no such parameter${proposal}`);
      }
    } else if (where === '') {
      faults.add(
        'invalid_request',
        'body',
        `The body: expected a JSON object, received ${describeValue(issue.input)}.`,
      );
    } else {
      faults.add('invalid_parameter', where, expectedMessage(where, expectedBy(issue), issue.input));
    }
  }
  return undefined;
};
