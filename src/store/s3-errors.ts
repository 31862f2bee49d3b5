import { FolioError } from '../errors.ts';

/** What the AWS client attaches to an error of any kind. */
export interface AwsError extends Error {
  readonly code?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string | undefined>> };
}

export const statusOf = (error: unknown): number | undefined =>
  (error as AwsError | undefined)?.$metadata?.httpStatusCode;
export const attemptsOf = (error: unknown): number => (error as AwsError)?.$metadata?.attempts ?? 1;
export const isNamed = (error: unknown, name: string): boolean =>
  error instanceof Error && error.name === name;

const contentTypeOf = (error: unknown): string | undefined =>
  (error as AwsError | undefined)?.$response?.headers?.['content-type'];

/** Whether an answer with a body came from something else than S3, such as a proxy or a web server. */
export const isForeign = (error: unknown): boolean => {
  const type = contentTypeOf(error);
  return type !== undefined && !type.includes('xml');
};

/** What a person can do about an error, by its own words. */
const hints: readonly (readonly [RegExp, string])[] = [
  [/region is missing/i, 'Set AWS_REGION.'],
  [
    /could not load credentials|CredentialsProvider|token.*expired/i,
    'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.',
  ],
  [
    /checksum mismatch/i,
    'If the server computes other checksums than AWS, set AWS_RESPONSE_CHECKSUM_VALIDATION=WHEN_REQUIRED.',
  ],
  [
    /NotImplemented|x-amz-(?:sdk-)?checksum|trailer|aws-chunked|XAmzContentSHA256Mismatch/i,
    'If the server knows no checksums of uploads, set AWS_REQUEST_CHECKSUM_CALCULATION=WHEN_REQUIRED.',
  ],
];

/** Whether the same request may succeed later. */
const mayPass = (status: number | undefined, isConfiguration: boolean): boolean =>
  status === undefined ? !isConfiguration : status === 429 || (status >= 500 && status !== 501);

/**
 * The error of a call that S3 did not carry out.
 *
 * @param action What was tried: `read`, `write`, `list`, `remove`.
 */
export function storeFailed(action: string, key: string, location: string, cause: unknown): FolioError {
  const error: AwsError = cause instanceof Error ? cause : new Error(String(cause));
  const { name, message, code } = error;
  const status = statusOf(cause);
  const reason = describe(cause, name, message, typeof code === 'string' ? code : undefined);
  const hint = hints.find(([words]) => words.test(`${name} ${message}`))?.[1];
  const isConfiguration = hint !== undefined;
  return new FolioError(
    'store_failed',
    `Could not ${action} ${key || 'objects'} in ${location}: ${reason}.${hint === undefined ? '' : ` ${hint}`}`,
    {
      where: key,
      received: reason,
      forClients: `The store could not ${action} ${key || 'objects'}: ${status ?? code ?? name}.`,
      cause,
      ...(mayPass(status, isConfiguration) && !isForeign(cause) ? { retryAfter: 1 } : {}),
    },
  );
}

const describe = (cause: unknown, name: string, message: string, code: string | undefined): string => {
  const status = statusOf(cause);
  const type = contentTypeOf(cause);
  if (status !== undefined && isForeign(cause)) {
    return `${status} with ${type}, which is no answer of S3: check AWS_ENDPOINT_URL_S3`;
  }
  // The answer to a HEAD has no body that would say more.
  if (status !== undefined && name === 'Unknown') return String(status);
  if (status !== undefined) return `${name === 'Error' ? message.split('\n')[0] : name} (${status})`;
  if (code !== undefined) return code;
  // The client's own words: a missing region, missing credentials, a checksum.
  return (name === 'TimeoutError' ? 'TimeoutError' : (message.split('\n')[0] ?? name)).replace(/\.$/, '');
};

/** As S3 says it wherever its answers have a body. */
export const noSuchBucket = (): Error =>
  Object.assign(new Error('NoSuchBucket'), { name: 'NoSuchBucket', $metadata: { httpStatusCode: 404 } });

/** An answer that claims success and is not S3's. */
export const foreignAnswer = (status: number | undefined): Error =>
  Object.assign(new Error('no answer of S3: check AWS_ENDPOINT_URL_S3'), {
    $metadata: { httpStatusCode: status },
  });
