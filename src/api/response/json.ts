/**
 * JSON in which a `Map` is an object with its entries in their own order. A plain object cannot keep it: JavaScript
 * puts keys that are whole numbers first, and a digit is a character like any other.
 */
export const toJson = (value: unknown): string => {
  if (value instanceof Map) return members(value);
  if (Array.isArray(value)) return `[${value.map((one) => toJson(one) ?? 'null').join(',')}]`;
  if (typeof value === 'object' && value !== null) return members(Object.entries(value));
  return JSON.stringify(value);
};

const members = (entries: Iterable<readonly [string, unknown]>): string => {
  const parts: string[] = [];
  for (const [key, value] of entries) {
    if (value !== undefined) parts.push(`${JSON.stringify(key)}:${toJson(value)}`);
  }
  return `{${parts.join(',')}}`;
};
