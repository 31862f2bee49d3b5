import type * as z from 'zod/mini';

/** The schema inside an optional one or one with a default. */
const inner = (schema: z.core.$ZodType): z.core.$ZodType => {
  const { def } = schema._zod;
  return def.type === 'optional' || def.type === 'default'
    ? inner((def as unknown as { innerType: z.core.$ZodType }).innerType)
    : schema;
};

const asJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

const convert = (type: string, text: string): unknown => {
  if (type === 'number' || type === 'int')
    return text.trim() !== '' && !Number.isNaN(Number(text)) ? Number(text) : text;
  if (type === 'boolean' && /^(?:true|false)$/.test(text)) return text === 'true';
  if (type === 'record') return asJson(text);
  return text;
};

/**
 * A query string as the body that would have said the same: numbers, flags and objects by what the schema expects
 * of each parameter, and a parameter that stands several times as an array. `pretty` is of the answer, not of the request.
 */
export const fromQuery = (schema: z.ZodMiniObject, query: URLSearchParams): Record<string, unknown> =>
  Object.fromEntries(
    [...new Set(query.keys())]
      .filter((key) => key !== 'pretty')
      .map((key) => {
        const field = Object.hasOwn(schema.shape, key) ? schema.shape[key] : undefined;
        const type = field === undefined ? 'string' : inner(field)._zod.def.type;
        const values = query.getAll(key).map((value) => convert(type, value));
        return [key, values.length === 1 ? values[0] : values];
      }),
  );
