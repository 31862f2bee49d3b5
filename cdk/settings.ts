import type { Node } from 'constructs';
import * as z from 'zod';
import { presetNames } from '../training/presets/presets.ts';

/**
 * What a person may decide about a deployment: context values of the CDK, in cdk.json or as `-c folio:NAME=VALUE`.
 * The command line gives text, cdk.json gives JSON: both are parsed alike, and all faults are reported at once.
 */
const whole = (min: number, max: number, fallback: number) =>
  z.coerce.number().int().min(min).max(max).default(fallback);

const flag = (fallback: boolean) =>
  z
    .union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')], {
      error: 'expected true or false',
    })
    .default(fallback);

const optionalText = (pattern: RegExp, expected: string) =>
  z
    .string()
    .regex(pattern, { error: `expected ${expected}` })
    .optional();

/** `team=search,cost-center=7` -> pairs. */
const pairs = z
  .string()
  .regex(/^[\w.:/+@-]+=[\w .:/+@-]*(?:,[\w.:/+@-]+=[\w .:/+@-]*)*$/, {
    error: 'expected KEY=VALUE, several separated by commas',
  })
  .transform((text) => text.split(',').map((pair) => pair.split(/=(.*)/s, 2) as [string, string]))
  .optional();

const kept = ['corpora', 'models', 'accesses'] as const;
const bucketsError = `expected ${kept.map((name) => `${name}=BUCKET`).join(',')}`;

/** `corpora=a,models=b,accesses=c` -> the name of each bucket. */
const buckets = z
  .string()
  .transform((text, context) => {
    const names = Object.fromEntries(text.split(',').map((pair) => pair.split(/=(.*)/s, 2)));
    const areAll =
      Object.keys(names).sort().join() === kept.toSorted().join() &&
      Object.values(names).every((name) => /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(String(name)));
    if (!areAll) context.addIssue({ code: 'custom', message: bucketsError });
    return names as Readonly<Record<(typeof kept)[number], string>>;
  })
  .optional();

export const definitions = {
  stage: optionalText(/^[a-z][a-z0-9-]{0,19}$/, 'up to 20 small letters, digits and dashes').describe(
    'A deployment of its own beside others in one account and region: FolioApi-STAGE and so on.',
  ),
  auth: z
    .enum(['key', 'iam'])
    .default('key')
    .describe('Who may call: holders of an API key, or of IAM rights.'),
  keys: z.coerce
    .string()
    .regex(/^[1-9]\d{0,3}(?:,[1-9]\d{0,3})*$/, {
      error: 'expected whole numbers from 1, separated by commas',
    })
    .default('1')
    .transform((text) => [...new Set(text.split(',').map(Number))])
    .describe(
      'Numbers of the pairs of API keys that are valid, a reader and a writer each; the outputs name the last. To rotate: 1,2, later 2.',
    ),
  writer: z
    .enum(['key', 'iam'])
    .default('key')
    .describe(
      'With keys: who may upload, train, activate and remove. key: whoever holds the second key. iam: holders of IAM rights, who sign their requests; there is no second key then.',
    ),
  streaming: flag(true).describe('Text is sent as it is made. false: one whole answer.'),
  rate: whole(1, 10_000, 10).describe('Requests a second that one key may make on average.'),
  burst: whole(1, 5_000, 10).describe(
    'Requests that one key may make at once. Below concurrency, or one key can hold every place.',
  ),
  'open-rate': z.coerce
    .number()
    .min(0.01)
    .max(1_000)
    .default(0.1)
    .describe(
      'Requests a second, on average, of each route that needs no key; assets four times as many, preflight requests half as many; 200 at once.',
    ),
  quota: whole(1, 1_000_000_000, 100_000).describe('Requests a month that one key may make.'),
  waf: z.coerce
    .number()
    .pipe(
      z.union([z.literal(0), z.int().min(10).max(2_000_000_000)], { error: 'expected 0, or at least 10' }),
    )
    .default(0)
    .describe(
      'Requests in five minutes of one address, after which a web ACL refuses it for a while: 6 USD a month and 0.60 a million requests. 0: no web ACL.',
    ),
  memory: whole(256, 10_240, 1769).describe('MB of the generating function; 1769 is one whole vCPU.'),
  architecture: z.enum(['arm64', 'x86_64']).default('arm64').describe('Processor of the functions.'),
  concurrency: whole(0, 1_000, 0).describe(
    'Generations at one time: reserved concurrency of the generating function. 0 reserves none. The account has to have 100 more (new ones have 10 in all, and can reserve none).',
  ),
  tracing: flag(true).describe(
    'Functions and state machines send traces to X-Ray: no prompt and no text is in them.',
  ),
  canary: flag(false).describe(
    'New code of Generate and Admin serves a tenth of the requests for 5 minutes; an alarm takes it back.',
  ),
  'cloudwatch-role': flag(true).describe(
    "Set the role by which API Gateway writes logs, one for the whole account and region. false: another stack's is kept.",
  ),
  'cors-origin': z.string().min(1).default('*').describe('Origin whose pages may call; * is any.'),
  'domain-name': optionalText(/^[a-z0-9.-]+\.[a-z]{2,}$/, 'a host name').describe(
    'A host name of your own for the endpoint; needs the certificate too.',
  ),
  certificate: optionalText(/^arn:[^:]+:acm:/, 'the ARN of an ACM certificate').describe(
    'Certificate of the host name, in the region of the stack.',
  ),
  'alarm-email': z
    .email({ error: 'expected an e-mail address' })
    .optional()
    .describe('Receives alarms and the outcome of trainings; the address has to confirm once.'),
  budget: whole(0, 1_000_000, 10).describe(
    'US dollars a month, after which you are warned; 0 sets no budget.',
  ),
  spot: flag(true).describe('Train on spare capacity first, at about 30 % of the price.'),
  preset: z.enum(presetNames).default('auto').describe('Settings of a training that an upload starts.'),
  from: optionalText(
    /^[A-Za-z0-9][\w.-]{0,63}(?:@[A-Za-z0-9][\w.-]{0,63})?$/,
    'NAME, NAME@VERSION or none',
  ).describe(
    'Model whose weights a training starts from, where the upload does not say it; none: fresh weights. Default: as the preset says.',
  ),
  zones: z
    .string()
    .regex(/^[a-z]{2}(?:-[a-z]+)+-\d[a-z](?:,[a-z]{2}(?:-[a-z]+)+-\d[a-z])*$/, {
      error: 'expected zones such as us-west-1a,us-west-1c',
    })
    .transform((text) => text.split(','))
    .optional()
    .describe('Zones of the trainer, where the first two of the region have no Fargate.'),
  'trainer-cpu': z.coerce
    .number()
    .pipe(z.literal([1024, 2048, 4096, 8192, 16384]))
    .default(4096)
    .describe('CPU units of a training; 1024 is one vCPU.'),
  'trainer-memory': whole(2048, 122_880, 8192).describe('MB of a training.'),
  'training-hours': whole(1, 168, 12).describe('A training that takes longer is ended.'),
  'trainings-at-once': whole(1, 50, 2).describe('Trainings that run side by side; others wait.'),
  buckets: buckets.describe(
    'Buckets that a destroyed deployment left, to be taken up again: corpora=NAME,models=NAME,accesses=NAME. Once set it stays: without it the next deployment makes new ones.',
  ),
  tags: pairs.describe('Tags of every resource beside app=folio, such as team=search,cost-center=7.'),
  'permissions-boundary': optionalText(
    /^arn:[^:]+:iam::[^:]*:policy\//,
    'the ARN of a managed policy',
  ).describe('A permissions boundary for every role of the stacks.'),
  'termination-protection': flag(false).describe('The stacks cannot be deleted before this is taken off.'),
  image: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Image of the trainer, where another place builds it: of ECR in this account and region (ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG or NAME@sha256:…), or a public one. Default: built here by Docker.',
    ),
  'log-days': z.coerce
    .number()
    .pipe(z.literal([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365]))
    .default(30)
    .describe('Days that logs are kept.'),
} as const;

const prefix = 'folio:';

const schema = z.strictObject(definitions).superRefine((settings, context) => {
  if ((settings['domain-name'] === undefined) !== (settings.certificate === undefined)) {
    context.addIssue({
      code: 'custom',
      path: [settings.certificate === undefined ? 'certificate' : 'domain-name'],
      message: 'expected together with the other of domain-name and certificate',
    });
  }
  const vcpus = settings['trainer-cpu'] / 1024;
  const [min, max] = vcpus === 16 ? [32, 120] : [vcpus * 2, vcpus === 8 ? 60 : vcpus * 8];
  const gigabytes = settings['trainer-memory'] / 1024;
  if (gigabytes < min || gigabytes > max || !Number.isInteger(gigabytes)) {
    context.addIssue({
      code: 'custom',
      path: ['trainer-memory'],
      message: `expected whole gigabytes from ${min * 1024} to ${max * 1024} MB for ${vcpus} vCPU`,
    });
  }
});

export type StackSettings = Readonly<z.output<typeof schema>>;

/** @throws Error that names every faulty or unknown setting, one a line */
export function parseSettings(context: Readonly<Record<string, unknown>>): StackSettings {
  const parsed = schema.safeParse(context);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => `${prefix}${key}: no such setting`).join('\n  ');
    }
    const name = String(issue.path[0]);
    return `${prefix}${name}: ${issue.message}, not ${JSON.stringify(context[name])}`;
  });
  throw new Error(`The deployment's settings cannot be used:\n  ${lines.join('\n  ')}`);
}

/** Reads the context under `folio:` of a construct tree. */
export function readSettings(node: Node): StackSettings {
  const context = Object.entries(node.getAllContext() as Record<string, unknown>)
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => [key.slice(prefix.length), value]);
  return parseSettings(Object.fromEntries(context));
}
