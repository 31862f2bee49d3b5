import { FolioError } from './errors.ts';
import { PRECISIONS } from './model/stepper.ts';

/** What a value should have been. */
class Expected {
  readonly what: string;

  constructor(what: string) {
    this.what = what;
  }
}

/** Of a variable's text, its value. Plain functions: schemas of a library would cost every start some 4 ms. */
type Parse<Value> = (text: string) => Value | Expected;

/**
 * Every environment variable of Folio: its name, check, default and meaning. Nothing else reads `process.env`; the
 * stack gives its functions the same names. A variable that is absent or empty takes its default.
 */
interface Definition<Value> {
  readonly variable: string;
  readonly parse: Parse<Value>;
  /** As it would be written in the environment; none where absence has a meaning of its own. */
  readonly fallback?: string;
  readonly description: string;
}

const text: Parse<string> = (value) => value;

/** A text for which this holds. */
const that =
  (holds: (value: string) => boolean, expected: string): Parse<string> =>
  (value) =>
    holds(value) ? value : new Expected(expected);

const like = (pattern: RegExp, expected: string): Parse<string> =>
  that((value) => pattern.test(value), expected);

const integer =
  (least: number, most: number): Parse<number> =>
  (value) => {
    const number = /^\s*-?\d+\s*$/.test(value) ? Number(value) : Number.NaN;
    return number >= least && number <= most
      ? number
      : new Expected(`a whole number from ${least} to ${most}`);
  };

const list = (value: string): string[] => value.split(',').flatMap((part) => part.trim() || []);

const amount: Parse<number> = (value) =>
  /^\s*\d+(?:\.\d+)?\s*$/.test(value) ? Number(value) : new Expected('an amount in US dollars');

const oneOf =
  <const Choices extends readonly [string, ...string[]]>(choices: Choices): Parse<Choices[number]> =>
  (value) =>
    choices.includes(value) ? value : new Expected(`one of ${choices.join(', ')}`);

/** One of two words, and whether it is the one that means yes. */
const yesOrNo =
  (words: readonly [string, string], yes: string): Parse<boolean> =>
  (value) => {
    const word = oneOf(words)(value);
    return word instanceof Expected ? word : word === yes;
  };
const trueOrFalse = yesOrNo(['true', 'false'], 'true');

/** conda exports HOST as the kind of machine, csh as its name: neither is an address to listen on. */
const address: Parse<string> = (value) =>
  /^[\d.]+$|^\[?[\da-f:.]*:[\da-f:.]*\]?$|^localhost$/i.test(value.trim()) ? value.trim() : '127.0.0.1';

/** `https://example.org/` names the origin `https://example.org`; undefined for what names none. */
const originOf = (text: string): string | undefined => {
  if (text === '*') return text;
  if (!URL.canParse(text)) return undefined;
  const { origin, pathname, search, hash } = new URL(text);
  return origin !== 'null' && !origin.includes('*') && pathname === '/' && search + hash === ''
    ? origin
    : undefined;
};
const originList: Parse<string[]> = (value) => {
  const origins = list(value).map(originOf);
  return origins.every((origin) => origin !== undefined)
    ? origins
    : new Expected('origins such as https://example.org, separated by commas, or *');
};

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

const level: Parse<(typeof levels)[number]> = (value) => {
  const name = value.trim().toLowerCase();
  return oneOf(levels)(logLevels[name] ?? name);
};

const defined = <Value>(definition: Definition<Value>) => definition;
const required = <Value>(definition: Definition<Value> & { readonly fallback: string }) => definition;

export const definitions = {
  store: required({
    variable: 'FOLIO_STORE',
    parse: text,
    fallback: '.',
    description: 'Where models, corpora and trainings are kept: a folder, or `s3://BUCKET/PREFIX`.',
  }),
  model: required({
    variable: 'FOLIO_MODEL',
    parse: text,
    fallback: 'shakespeare',
    description: 'The model that answers when a request names none: `NAME` or `NAME@VERSION`.',
  }),
  precision: required({
    variable: 'FOLIO_PRECISION',
    parse: oneOf(PRECISIONS),
    fallback: 'int8',
    description:
      'Arithmetic of generation: `int8` (fast, the same text on every host), `int4` (weights in 4 bits: half the memory, faster where a model is larger than the caches) or `f32`.',
  }),
  threads: defined({
    variable: 'FOLIO_THREADS',
    parse: integer(1, 64),
    description:
      'Threads of the local server and the command line that share the work of each model; by default as many as there are processors, 8 at most.',
  }),
  wideVectors: required({
    variable: 'FOLIO_WIDE_VECTORS',
    parse: trueOrFalse,
    fallback: 'false',
    description:
      'Whether the local server and the command line have V8 compile the kernel with its vectors in pairs, an experiment of Node 24 on x86-64: see docs/engine.md.',
  }),
  port: required({
    variable: 'PORT',
    parse: integer(0, 65_535),
    fallback: '3000',
    description: 'Port of the local server; 0 takes any free one.',
  }),
  host: required({
    variable: 'HOST',
    parse: address,
    fallback: '127.0.0.1',
    description:
      'IP address that the local server listens on, or `localhost`; names, which some shells put there, are not looked at. Beyond loopback an API key is required.',
  }),
  reloadSeconds: required({
    variable: 'FOLIO_RELOAD_SECONDS',
    parse: integer(0, 86_400),
    fallback: '30',
    description: 'Seconds after which a newly published version is served at the latest.',
  }),
  modelCacheBytes: required({
    variable: 'FOLIO_MODEL_CACHE_BYTES',
    parse: integer(1, Number.MAX_SAFE_INTEGER),
    fallback: '536870912',
    description: 'Bytes of loaded models kept in memory; the least recently used go first.',
  }),
  cacheFolder: defined({
    variable: 'FOLIO_CACHE',
    parse: text,
    description:
      "Folder for downloads that outlive a checkout; by default `folio` in the user's cache folder.",
  }),
  s3Endpoint: defined({
    variable: 'AWS_ENDPOINT_URL_S3',
    parse: text,
    description: "An S3 server other than AWS's, asked with the bucket in the path.",
  }),
  awsEndpoint: defined({
    variable: 'AWS_ENDPOINT_URL',
    parse: text,
    description:
      'One address for every AWS service, such as an emulator; S3 is asked with the bucket in the path.',
  }),
  awsRegion: defined({
    variable: 'AWS_REGION',
    parse: like(/^[a-z0-9-]+$/, 'the name of a region'),
    description: 'Region of AWS; Lambda itself sets it.',
  }),
  singleWriter: required({
    variable: 'FOLIO_SINGLE_WRITER',
    parse: yesOrNo(['0', '1'], '1'),
    fallback: '0',
    description:
      '`1` writes to an S3 server that does not honour conditional writes; only one process may ever write then.',
  }),
  apiKeys: required({
    variable: 'FOLIO_API_KEYS',
    parse: list,
    fallback: '',
    description: 'Keys that may generate and look, separated by commas.',
  }),
  writeKeys: required({
    variable: 'FOLIO_WRITE_KEYS',
    parse: list,
    fallback: '',
    description: 'Keys that may also upload, train, activate and remove, separated by commas.',
  }),
  key: defined({
    variable: 'FOLIO_KEY',
    parse: text,
    description: 'API key that the command line sends to a deployment: `--store https://ENDPOINT`.',
  }),
  origins: required({
    variable: 'FOLIO_ORIGINS',
    parse: originList,
    fallback: '',
    description:
      'Origins of pages that may call the API from a browser (CORS), separated by commas; `*` for all.',
  }),
  strictRequests: required({
    variable: 'FOLIO_STRICT',
    parse: trueOrFalse,
    fallback: 'false',
    description:
      "Whether OpenAI's routes refuse parameters that they do not know and lengths above the maximum, in place of a warning.",
  }),
  unknownCharacters: defined({
    variable: 'FOLIO_UNKNOWN',
    parse: oneOf(['error', 'skip', 'nearest']),
    description:
      'What becomes of characters that a model does not know, where a request does not say it. Default: `error`, in chats `nearest`.',
  }),
  chatTemplate: defined({
    variable: 'FOLIO_CHAT_TEMPLATE',
    parse: that((value) => value.includes('{content}'), 'a text with {content}'),
    description:
      'What one message of a chat becomes, with `{role}` and `{content}`, where a model has no template of its own; `\\n` is a line end. Default: the contents, a line each.',
  }),
  signingKey: defined({
    variable: 'FOLIO_SIGNING_KEY',
    parse: that((value) => value.length >= 16, 'at least 16 characters'),
    description:
      'Signs `continue_from`; the same on every host that is to go on. Default: drawn anew at each start.',
  }),
  maximumLength: required({
    variable: 'FOLIO_MAX_LENGTH',
    parse: integer(1, 10_000_000),
    fallback: '10000',
    description: 'Characters that one completion may have.',
  }),
  maximumPrompt: required({
    variable: 'FOLIO_MAX_PROMPT',
    parse: integer(0, 10_000_000),
    fallback: '10000',
    description: 'Characters of a prompt, or of a text to score.',
  }),
  maximumBodyBytes: required({
    variable: 'FOLIO_MAX_BODY_BYTES',
    parse: integer(1024, 1_073_741_824),
    fallback: '1048576',
    description: "Bytes of a request's body, corpora apart.",
  }),
  maximumCorpusBytes: required({
    variable: 'FOLIO_MAX_CORPUS_BYTES',
    parse: integer(1, 5_368_709_120),
    fallback: '104857600',
    description: 'Bytes of an uploaded corpus, or of a model that is imported.',
  }),
  maximumConcurrent: required({
    variable: 'FOLIO_MAX_CONCURRENT',
    parse: integer(1, 100_000),
    fallback: '256',
    description: 'Completions that run at one time; what is beyond is answered with 503.',
  }),
  maximumConcurrentPerKey: required({
    variable: 'FOLIO_MAX_CONCURRENT_PER_KEY',
    parse: integer(1, 100_000),
    fallback: '128',
    description: 'Of these, for one key; what is beyond is answered with 429.',
  }),
  timeLimitSeconds: required({
    variable: 'FOLIO_TIME_LIMIT_SECONDS',
    parse: integer(1, 86_400),
    fallback: '60',
    description: 'Wall-clock seconds that a request may take.',
  }),
  lambdaMemory: defined({
    variable: 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
    parse: integer(128, 1_000_000),
    description: "Megabytes of the Lambda's memory, which Lambda itself sets.",
  }),
  streaming: required({
    variable: 'FOLIO_STREAMING',
    parse: trueOrFalse,
    fallback: 'true',
    description: 'Whether a Lambda sends its answers as they are made; API Gateway has to be set alike.',
  }),
  writerKeyIds: required({
    variable: 'FOLIO_WRITER_KEY_ID',
    parse: list,
    fallback: '',
    description:
      "Ids of API Gateway's keys that may also upload, train, activate and remove, separated by commas.",
  }),
  corporaStore: defined({
    variable: 'FOLIO_CORPORA',
    parse: like(/^s3:\/\/[a-z0-9.-]+$/, 's3://BUCKET'),
    description: 'Where a Lambda lets corpora be uploaded to: `s3://BUCKET`.',
  }),
  uploadOrigin: defined({
    variable: 'FOLIO_UPLOAD_ORIGIN',
    parse: that(
      (value) => originOf(value) !== undefined && value !== '*',
      'an origin such as https://BUCKET.s3.REGION.amazonaws.com',
    ),
    description: 'Where the page of a Lambda may upload corpora to: the origin of the bucket.',
  }),
  retraining: defined({
    variable: 'FOLIO_RETRAINING',
    parse: like(/^arn:[^:]+:states:/, 'the ARN of a state machine'),
    description: 'State machine that a Lambda starts trainings with.',
  }),
  trainingId: defined({
    variable: 'FOLIO_TRAINING_ID',
    parse: text,
    description: 'Id under which a training keeps its record: `trainings/ID.json`. Default: a new one.',
  }),
  gigabyteSecondDollars: required({
    variable: 'FOLIO_GB_SECOND_USD',
    parse: amount,
    fallback: '0.0000133334',
    description: 'Price of a GB-second of Lambda (arm64, us-east-1, November 2025), for estimates.',
  }),
  requestDollars: required({
    variable: 'FOLIO_REQUEST_USD',
    parse: amount,
    fallback: '0.0000002',
    description: 'Price of one request to Lambda, for estimates.',
  }),
  logLevel: required({
    variable: 'LOG_LEVEL',
    parse: level,
    fallback: 'info',
    description: 'The least severe log line that is written.',
  }),
};

type Definitions = typeof definitions;
type ValueOf<Of> = Of extends Definition<infer Value> ? Value : never;

export type Settings = {
  readonly [Name in keyof Definitions]: Definitions[Name] extends { readonly fallback: string }
    ? ValueOf<Definitions[Name]>
    : ValueOf<Definitions[Name]> | undefined;
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
  for (const [name, definition] of Object.entries<Definition<unknown>>(definitions)) {
    const found = given[name as keyof Definitions] ?? environment[definition.variable];
    const value = found === undefined || found.trim() === '' ? definition.fallback : found;
    if (value === undefined) continue;
    const parsed = definition.parse(value);
    if (parsed instanceof Expected) {
      const isGiven = given[name as keyof Definitions] !== undefined;
      faults.push({
        variable: isGiven ? `--${name}` : definition.variable,
        expected: parsed.what,
        received: JSON.stringify(value.slice(0, 80)),
      });
    } else settings[name] = parsed;
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

const childMark = 'FOLIO_TRAINING_PROCESS';

/** Whether this process is the child of `runTrainingProcess` in src/cli/training-process.ts. */
export const isTrainingProcess = (environment: Environment = process.env): boolean =>
  environment[childMark] === '1';

/** The environment of that child. */
export const markedAsTrainingProcess = (environment: Environment = process.env): Environment => ({
  ...environment,
  [childMark]: '1',
});

/** Sets a variable for a native library that reads the environment itself, unless it is set already. */
export function presetVariable(variable: string, value: string): void {
  process.env[variable] ??= value;
}
