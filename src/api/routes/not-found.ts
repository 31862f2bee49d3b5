import { FolioError } from '../../errors.ts';
import { operations } from './routes.ts';

/** What clients of other APIs ask for, and what they find here instead. */
const hints: readonly (readonly [path: RegExp, hint: string])[] = [
  [
    /^\/v1\/(?:responses|conversations)\b/,
    'Folio keeps no responses: POST /v1/responses answers each by itself.',
  ],
  [
    /^\/v1\/(?:embeddings|rerank)\b/,
    'A model of characters has no embeddings; POST /v1/score says how likely a text is.',
  ],
  [/^\/v1\/engines\/[^/]+\/completions$/, 'Name the model in the body of POST /v1/completions.'],
  [
    /^\/(?:(?:chat\/)?completions|models|embeddings|responses|score)$/,
    'Put /v1 before it; a client needs it at the end of its base URL.',
  ],
  [
    /^\/v1\/models\/[^/]+\/import$/,
    'This server imports no models; `folio import FILE --name NAME --store s3://BUCKET` publishes one to its store.',
  ],
  [/^\/v1\/v1\//, 'The base URL of the client has one /v1 too many.'],
  [
    /^\/api\/(?:generate|chat|tags)$/,
    'This is not Ollama’s API; point an OpenAI client at /v1, or use POST /generate.',
  ],
  [/^\/v1\/messages$/, 'This is not Anthropic’s API; use POST /v1/chat/completions.'],
];

/** A path that is there under `/v1`, or where all are listed. */
const nearby = (path: string): string => {
  const isThere = operations.some((operation) =>
    new RegExp(`^${operation.path.replace(/:\w+/g, '[^/]+')}/?$`).test(`/v1${path}`),
  );
  return isThere ? `Put /v1 before it.` : '/docs lists what there is.';
};

/** The error of a request that no route takes: with the methods that its path has, or with what helps. */
export const noRoute = (method: string, path: string): { error: FolioError; allow?: string } => {
  const methods = operations.flatMap((operation) => {
    const pattern = operation.path.replace(/:\w+/g, '[^/]+');
    return new RegExp(`^${pattern}/?$`).test(path) ? [operation.method.toUpperCase()] : [];
  });
  const shown = path.slice(0, 200);
  if (methods.length > 0 && !methods.includes(method)) {
    const all = [...new Set(methods.includes('GET') ? [...methods, 'HEAD'] : methods), 'OPTIONS'];
    const allow = all.join(', ');
    const message = `${shown}: expected ${methods.join(' or ')}, received ${method}.`;
    return { error: new FolioError('method_not_allowed', message), allow };
  }
  const hint = hints.find(([pattern]) => pattern.test(path))?.[1] ?? nearby(path);
  const message = `There is nothing at ${method} ${shown}.${hint === undefined ? '' : ` ${hint}`}`;
  return { error: new FolioError('not_found', message) };
};
