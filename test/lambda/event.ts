import type { APIGatewayProxyEvent } from 'aws-lambda';

export const readerKeyId = 'reader-key';
export const writerKeyId = 'writer-key';

export interface RequestParts {
  readonly method: string;
  /** With its query, below the stage. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly keyId?: string | null;
}

/** The event of a REST API of API Gateway, proxied, behind a usage plan; the body in base64, as ours hands it over. */
export function gatewayEvent({
  method,
  path,
  body,
  headers = {},
  keyId = readerKeyId,
}: RequestParts): APIGatewayProxyEvent {
  const { pathname, searchParams } = new URL(path, 'https://api.test');
  const sent = {
    Host: 'api.test',
    'User-Agent': 'test',
    ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...headers,
  };
  const query = [...new Set(searchParams.keys())].map((name) => [name, searchParams.getAll(name)] as const);
  return {
    resource: '/{path+}',
    path: pathname,
    httpMethod: method,
    headers: sent,
    multiValueHeaders: Object.fromEntries(Object.entries(sent).map(([name, value]) => [name, [value]])),
    queryStringParameters: Object.fromEntries(query.map(([name, values]) => [name, values.at(-1)])),
    multiValueQueryStringParameters: Object.fromEntries(query),
    pathParameters: { path: pathname.slice(1) },
    stageVariables: null,
    body: body === undefined ? null : Buffer.from(JSON.stringify(body)).toString('base64'),
    isBase64Encoded: body !== undefined,
    requestContext: {
      accountId: '123456789012',
      apiId: 'abcdefghij',
      authorizer: {},
      protocol: 'HTTP/1.1',
      httpMethod: method,
      identity: { apiKeyId: keyId, sourceIp: '192.0.2.1', userAgent: 'test' },
      path: `/live${pathname}`,
      stage: 'live',
      requestId: 'c6af9ac6-7b61-11e6-9a41-93e8deadbeef',
      requestTimeEpoch: 1_800_000_000_000,
      resourceId: 'abcdef',
      resourcePath: '/{path+}',
      domainName: 'api.test',
    },
  } as unknown as APIGatewayProxyEvent;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const delimiter = Buffer.alloc(8);

/** Takes a streamed answer apart: a JSON prelude, eight NULs, the body. */
export function parseStreamed(bytes: Buffer): Answer {
  const at = bytes.indexOf(delimiter);
  if (at === -1) throw new Error(`No prelude in ${JSON.stringify(bytes.toString().slice(0, 200))}`);
  const { statusCode, headers } = JSON.parse(bytes.toString('utf8', 0, at)) as {
    statusCode: number;
    headers: Record<string, string>;
  };
  return { status: statusCode, headers, body: bytes.subarray(at + delimiter.length) };
}
