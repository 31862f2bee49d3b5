export type Body = Readonly<Record<string, unknown>>;

/** How a route of OpenAI's reads its bodies. */
export interface BodyRules {
  /** The parameters that the route knows. */
  readonly known: ReadonlySet<string>;
  /** The parameter that says how long a text may become. */
  readonly lengthName: string;
  /** Nothing is ignored, renamed or cut. */
  readonly strict: boolean;
}

/** Values with which clients say that a parameter is not set. */
export const isUnset = (name: string, value: unknown): boolean => {
  if (value === undefined || value === null) return true;
  if (value === '') return name === 'model' || name === 'suffix' || name === 'stop' || name === 'user';
  if (value === -1) return ['seed', 'top_k', 'max_tokens', 'logprobs', 'dry_penalty_last_n'].includes(name);
  if (value === '-1') return name === 'seed';
  if (name === 'stop') return Array.isArray(value) && value.every((one) => one === '');
  return name === 'logit_bias' && isObject(value) && Object.keys(value).length === 0;
};

export const isObject = (value: unknown): value is Body =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A client's own name, short enough for a message. */
export const shown = (key: string): string => (key.length > 60 ? `${key.slice(0, 59)}…` : key);
