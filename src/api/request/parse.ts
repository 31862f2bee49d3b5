import * as z from 'zod/mini';
import { expectedMessage } from '../../errors.ts';
import type { ValidationErrors } from './validation-errors.ts';

const pathOf = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (whole, part) =>
      typeof part === 'number'
        ? `${whole}[${part}]`
        : whole === ''
          ? String(part)
          : `${whole}.${String(part)}`,
    '',
  );

/** JSON's null says as much as an absent field, as in OpenAI's own types. */
const withoutNulls = (body: unknown): unknown =>
  typeof body === 'object' && body !== null && !Array.isArray(body)
    ? Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))
    : body;

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
        const full = where === '' ? key : `${where}.${key}`;
        faults.add('invalid_parameter', full, `${full}: there is no such parameter.`);
      }
    } else if (where === '') {
      faults.add('invalid_request', 'body', expectedMessage('The body', 'a JSON object', issue.input));
    } else {
      faults.add('invalid_parameter', where, expectedMessage(where, issue.message, issue.input));
    }
  }
  return undefined;
};
