import * as z from 'zod/mini';
import { FolioError } from './errors.ts';

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
const oneOf = <const Choices extends readonly [string, ...string[]]>(choices: Choices) =>
  z.pipe(text, z.enum(choices, { error: `expected one of ${choices.join(', ')}` }));

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
    schema: oneOf(['int8', 'f32']),
    fallback: 'int8',
    description: 'Arithmetic of generation: `int8` (fast, the same text on every host) or `f32`.',
  }),
  port: required({
    variable: 'PORT',
    schema: integer(0, 65_535),
    fallback: '3000',
    description: 'Port of the local server; 0 takes any free one.',
  }),
  host: required({
    variable: 'HOST',
    schema: text,
    fallback: '127.0.0.1',
    description: 'Address that the local server listens on. Beyond loopback an API key is required.',
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
  logLevel: required({
    variable: 'LOG_LEVEL',
    schema: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
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
 * @throws FolioError `invalid_parameter` that tells all faulty variables at once
 */
export function readSettings(environment: Environment = process.env): Settings {
  const faults: { variable: string; expected: string; received: string }[] = [];
  const settings: Record<string, unknown> = {};
  for (const [name, definition] of Object.entries<Definition<z.ZodMiniType<unknown, string>>>(definitions)) {
    const given = environment[definition.variable];
    const value = given === undefined || given.trim() === '' ? definition.fallback : given;
    if (value === undefined) continue;
    const parsed = definition.schema.safeParse(value);
    if (parsed.success) settings[name] = parsed.data;
    else {
      const expected = (parsed.error.issues[0]?.message ?? '').replace(/^expected /, '');
      faults.push({ variable: definition.variable, expected, received: JSON.stringify(value.slice(0, 80)) });
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
