import * as z from 'zod/mini';
import { FolioError } from './errors.ts';
import { PRECISIONS } from './model/stepper.ts';

/**
 * Every environment variable of Folio: its name, check, default and meaning. Nothing else reads `process.env`; the
 * stack gives its functions the same names. A variable that is absent or empty takes its default.
 */
interface Definition<Schema extends z.ZodMiniType<unknown, string>> {
  readonly variable: string;
  readonly schema: Schema;
  /** As it would be written in the environment; none where absence has a meaning of its own. */
  readonly fallback?: string;
  readonly description: string;
}

const text = z.string();
const integer = (least: number, most: number) =>
  z.pipe(
    z.pipe(
      z
        .string()
        .check(z.regex(/^\s*-?\d+\s*$/, { error: `expected a whole number from ${least} to ${most}` })),
      z.transform((value) => Number(value)),
    ),
    z
      .number({ error: `expected a whole number from ${least} to ${most}` })
      .check(
        z.minimum(least, { error: `expected a whole number from ${least} to ${most}` }),
        z.maximum(most, { error: `expected a whole number from ${least} to ${most}` }),
      ),
  );
const list = z.pipe(
  text,
  z.transform((value) => value.split(',').flatMap((part) => part.trim() || [])),
);
const amount = z.pipe(
  z.string().check(z.regex(/^\s*\d+(?:\.\d+)?\s*$/, { error: 'expected an amount in US dollars' })),
  z.transform((value) => Number(value)),
);
const oneOf = <const Choices extends readonly [string, ...string[]]>(choices: Choices) =>
  z.pipe(text, z.enum(choices, { error: `expected one of ${choices.join(', ')}` }));

/** conda exports HOST as the kind of machine, csh as its name: neither is an address to listen on. */
const address = z.pipe(
  text,
  z.transform((value) =>
    /^[\d.]+$|^\[?[\da-f:.]*:[\da-f:.]*\]?$|^localhost$/i.test(value.trim()) ? value.trim() : '127.0.0.1',
  ),
);

/** `https://example.org/` names the origin `https://example.org`; undefined for what names none. */
const originOf = (text: string): string | undefined => {
  if (text === '*') return text;
  if (!URL.canParse(text)) return undefined;
  const { origin, pathname, search, hash } = new URL(text);
  return origin !== 'null' && !origin.includes('*') && pathname === '/' && search + hash === ''
    ? origin
    : undefined;
};
const originsError = 'origins such as https://example.org, separated by commas, or *';
const originList = z.pipe(
  list.check(
    z.refine((origins) => origins.every((one) => originOf(one) !== undefined), { error: originsError }),
  ),
  z.transform((origins) => origins.map((one) => originOf(one) ?? one)),
);

const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
/** What other programs call the same. */
const logLevels: Readonly<Record<string, string>> = {
  critical: 'fatal',
  err: 'error',
  warning: 'warn',
  notice: 'info',
  verbose: 'debug',
  off: 'silent',
  none: 'silent',
};

const defined = <Schema extends z.ZodMiniType<unknown, string>>(definition: Definition<Schema>) => definition;
const required = <Schema extends z.ZodMiniType<unknown, string>>(
  definition: Definition<Schema> & { readonly fallback: string },
) => definition;

export const definitions = {
  store: required({
    variable: 'FOLIO_STORE',
    schema: text,
    fallback: '.',
    description: 'Where models, corpora and trainings are kept: a folder, or `s3://BUCKET/PREFIX`.',
  }),
  model: required({
    variable: 'FOLIO_MODEL',
    schema: text,
    fallback: 'shakespeare',
    description: 'The model that answers when a request names none: `NAME` or `NAME@VERSION`.',
  }),
  precision: required({
    variable: 'FOLIO_PRECISION',
    schema: oneOf(PRECISIONS),
    fallback: 'int8',
    description:
      'Arithmetic of generation: `int8` (fast, the same text on every host), `int4` (weights in 4 bits: half the memory, faster where a model is larger than the caches) or `f32`.',
  }),
  threads: defined({
    variable: 'FOLIO_THREADS',
    schema: integer(1, 64),
    description:
      'Threads of the local server and the command line that share the work of each model; by default as many as there are processors, 8 at most.',
  }),
  port: required({
    variable: 'PORT',
    schema: integer(0, 65_535),
    fallback: '3000',
    description: 'Port of the local server; 0 takes any free one.',
  }),
  host: required({
    variable: 'HOST',
    schema: address,
    fallback: '127.0.0.1',
    description:
      'IP address that the local server listens on, or `localhost`; names, which some shells put there, are not looked at. Beyond loopback an API key is required.',
  }),
  reloadSeconds: required({
    variable: 'FOLIO_RELOAD_SECONDS',
    schema: integer(0, 86_400),
    fallback: '30',
    description: 'Seconds after which a newly published version is served at the latest.',
  }),
  modelCacheBytes: required({
    variable: 'FOLIO_MODEL_CACHE_BYTES',
    schema: integer(1, Number.MAX_SAFE_INTEGER),
    fallback: '536870912',
    description: 'Bytes of loaded models kept in memory; the least recently used go first.',
  }),
  cacheFolder: defined({
    variable: 'FOLIO_CACHE',
    schema: text,
    description:
      "Folder for downloads that outlive a checkout; by default `folio` in the user's cache folder.",
  }),
  s3Endpoint: defined({
    variable: 'AWS_ENDPOINT_URL_S3',
    schema: text,
    description: "An S3 server other than AWS's, asked with the bucket in the path.",
  }),
  awsEndpoint: defined({
    variable: 'AWS_ENDPOINT_URL',
    schema: text,
    description:
      'One address for every AWS service, such as an emulator; S3 is asked with the bucket in the path.',
  }),
  awsRegion: defined({
    variable: 'AWS_REGION',
    schema: z.string().check(z.regex(/^[a-z0-9-]+$/, { error: 'expected the name of a region' })),
    description: 'Region of AWS; Lambda itself sets it.',
  }),
  singleWriter: required({
    variable: 'FOLIO_SINGLE_WRITER',
    schema: z.pipe(
      oneOf(['0', '1']),
      z.transform((value) => value === '1'),
    ),
    fallback: '0',
    description:
      '`1` writes to an S3 server that does not honour conditional writes; only one process may ever write then.',
  }),
  apiKeys: required({
    variable: 'FOLIO_API_KEYS',
    schema: list,
    fallback: '',
    description: 'Keys that may generate and look, separated by commas.',
  }),
  writeKeys: required({
    variable: 'FOLIO_WRITE_KEYS',
    schema: list,
    fallback: '',
    description: 'Keys that may also upload, train, activate and remove, separated by commas.',
  }),
  key: defined({
    variable: 'FOLIO_KEY',
    schema: text,
    description: 'API key that the command line sends to a deployment: `--store https://ENDPOINT`.',
  }),
  origins: required({
    variable: 'FOLIO_ORIGINS',
    schema: originList,
    fallback: '',
    description:
      'Origins of pages that may call the API from a browser (CORS), separated by commas; `*` for all.',
  }),
  strictRequests: required({
    variable: 'FOLIO_STRICT',
    schema: z.pipe(
      oneOf(['true', 'false']),
      z.transform((value) => value === 'true'),
    ),
    fallback: 'false',
    description:
      "Whether OpenAI's routes refuse parameters that they do not know and lengths above the maximum, in place of a warning.",
  }),
  unknownCharacters: defined({
    variable: 'FOLIO_UNKNOWN',
    schema: oneOf(['error', 'skip', 'nearest']),
    description:
      'What becomes of characters that a model does not know, where a request does not say it. Default: `error`, in chats `nearest`.',
  }),
  chatTemplate: defined({
    variable: 'FOLIO_CHAT_TEMPLATE',
    schema: z.string().check(z.includes('{content}', { error: 'expected a text with {content}' })),
    description:
      'What one message of a chat becomes, with `{role}` and `{content}`, where a model has no template of its own; `\\n` is a line end. Default: the contents, a line each.',
  }),
  signingKey: defined({
    variable: 'FOLIO_SIGNING_KEY',
    schema: z.string().check(z.minLength(16, { error: 'expected at least 16 characters' })),
    description:
      'Signs `continue_from`; the same on every host that is to go on. Default: drawn anew at each start.',
  }),
  maximumLength: required({
    variable: 'FOLIO_MAX_LENGTH',
    schema: integer(1, 10_000_000),
    fallback: '10000',
    description: 'Characters that one completion may have.',
  }),
  maximumPrompt: required({
    variable: 'FOLIO_MAX_PROMPT',
    schema: integer(0, 10_000_000),
    fallback: '10000',
    description: 'Characters of a prompt, or of a text to score.',
  }),
  maximumBodyBytes: required({
    variable: 'FOLIO_MAX_BODY_BYTES',
    schema: integer(1024, 1_073_741_824),
    fallback: '1048576',
    description: "Bytes of a request's body, corpora apart.",
  }),
  maximumCorpusBytes: required({
    variable: 'FOLIO_MAX_CORPUS_BYTES',
    schema: integer(1, 5_368_709_120),
    fallback: '104857600',
    description: 'Bytes of an uploaded corpus, or of a model that is imported.',
  }),
  maximumConcurrent: required({
    variable: 'FOLIO_MAX_CONCURRENT',
    schema: integer(1, 100_000),
    fallback: '256',
    description: 'Completions that run at one time; what is beyond is answered with 503.',
  }),
  maximumConcurrentPerKey: required({
    variable: 'FOLIO_MAX_CONCURRENT_PER_KEY',
    schema: integer(1, 100_000),
    fallback: '128',
    description: 'Of these, for one key; what is beyond is answered with 429.',
  }),
  timeLimitSeconds: required({
    variable: 'FOLIO_TIME_LIMIT_SECONDS',
    schema: integer(1, 86_400),
    fallback: '60',
    description: 'Wall-clock seconds that a request may take.',
  }),
  lambdaMemory: defined({
    variable: 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
    schema: integer(128, 1_000_000),
    description: "Megabytes of the Lambda's memory, which Lambda itself sets.",
  }),
  streaming: required({
    variable: 'FOLIO_STREAMING',
    schema: z.pipe(
      oneOf(['true', 'false']),
      z.transform((value) => value === 'true'),
    ),
    fallback: 'true',
    description: 'Whether a Lambda sends its answers as they are made; API Gateway has to be set alike.',
  }),
  writerKeyIds: required({
    variable: 'FOLIO_WRITER_KEY_ID',
    schema: list,
    fallback: '',
    description:
      "Ids of API Gateway's keys that may also upload, train, activate and remove, separated by commas.",
  }),
  corporaStore: defined({
    variable: 'FOLIO_CORPORA',
    schema: z.string().check(z.regex(/^s3:\/\/[a-z0-9.-]+$/, { error: 'expected s3://BUCKET' })),
    description: 'Where a Lambda lets corpora be uploaded to: `s3://BUCKET`.',
  }),
  uploadOrigin: defined({
    variable: 'FOLIO_UPLOAD_ORIGIN',
    schema: z.string().check(
      z.refine((value) => originOf(value) !== undefined && value !== '*', {
        error: 'expected an origin such as https://BUCKET.s3.REGION.amazonaws.com',
      }),
    ),
    description: 'Where the page of a Lambda may upload corpora to: the origin of the bucket.',
  }),
  retraining: defined({
    variable: 'FOLIO_RETRAINING',
    schema: z.string().check(z.regex(/^arn:[^:]+:states:/, { error: 'expected the ARN of a state machine' })),
    description: 'State machine that a Lambda starts trainings with.',
  }),
  trainingId: defined({
    variable: 'FOLIO_TRAINING_ID',
    schema: text,
    description: 'Id under which a training keeps its record: `trainings/ID.json`. Default: a new one.',
  }),
  gigabyteSecondDollars: required({
    variable: 'FOLIO_GB_SECOND_USD',
    schema: amount,
    fallback: '0.0000133334',
    description: 'Price of a GB-second of Lambda (arm64, us-east-1, November 2025), for estimates.',
  }),
  requestDollars: required({
    variable: 'FOLIO_REQUEST_USD',
    schema: amount,
    fallback: '0.0000002',
    description: 'Price of one request to Lambda, for estimates.',
  }),
  logLevel: required({
    variable: 'LOG_LEVEL',
    schema: z.pipe(
      z.pipe(
        text,
        z.transform((value) => logLevels[value.trim().toLowerCase()] ?? value.trim().toLowerCase()),
      ),
      z.enum(levels, { error: `expected one of ${levels.join(', ')}` }),
    ),
    fallback: 'info',
    description: 'The least severe log line that is written.',
  }),
};

type Definitions = typeof definitions;

export type Settings = {
  readonly [Name in keyof Definitions]: Definitions[Name] extends { readonly fallback: string }
    ? z.output<Definitions[Name]['schema']>
    : z.output<Definitions[Name]['schema']> | undefined;
};

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads and checks every setting.
 *
 * @param given Values that win over the environment's, such as a command line's, as text by the setting's name.
 * @throws FolioError `invalid_parameter` that names all faulty variables at once
 */
export function readSettings(
  environment: Environment = process.env,
  given: { readonly [Name in keyof Definitions]?: string | undefined } = {},
): Settings {
  const faults: { variable: string; expected: string; received: string }[] = [];
  const settings: Record<string, unknown> = {};
  for (const [name, definition] of Object.entries<Definition<z.ZodMiniType<unknown, string>>>(definitions)) {
    const found = given[name as keyof Definitions] ?? environment[definition.variable];
    const value = found === undefined || found.trim() === '' ? definition.fallback : found;
    if (value === undefined) continue;
    const parsed = definition.schema.safeParse(value);
    if (parsed.success) settings[name] = parsed.data;
    else {
      const expected = (parsed.error.issues[0]?.message ?? '').replace(/^expected /, '');
      const isGiven = given[name as keyof Definitions] !== undefined;
      faults.push({
        variable: isGiven ? `--${name}` : definition.variable,
        expected,
        received: JSON.stringify(value.slice(0, 80)),
      });
    }
  }
  if (faults.length > 0) {
    throw new FolioError(
      'invalid_parameter',
      `${faults.map((f) => `${f.variable} must be ${f.expected}, not ${f.received}`).join('; ')}.`,
      {
        where: faults.map((fault) => fault.variable).join(', '),
        expected: faults.map((fault) => fault.expected).join('; '),
        received: faults.map((fault) => fault.received).join('; '),
      },
    );
  }
  return settings as Settings;
}

/** Whether npm or npx started this process: then `folio` may not be on the PATH of the shell that did. */
export const isRunByNpm = (environment: Environment = process.env): boolean =>
  environment.npm_execpath !== undefined || environment.npm_lifecycle_event !== undefined;

const childMark = 'FOLIO_FILTERED_CHILD';

/** Whether this process is the child of `runFiltered` in src/cli/filtered-child.ts. */
export const isFilteredChild = (environment: Environment = process.env): boolean =>
  environment[childMark] === '1';

/** The environment of that child. */
export const markedAsFilteredChild = (environment: Environment = process.env): Environment => ({
  ...environment,
  [childMark]: '1',
});

/** Sets a variable for a native library that reads the environment itself, unless it is set already. */
export function presetVariable(variable: string, value: string): void {
  process.env[variable] ??= value;
}
