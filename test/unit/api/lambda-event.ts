import type { APIGatewayProxyEvent } from 'aws-lambda';

/** An event of a REST API, as API Gateway sends it to a proxy integration. */
export const eventOf = async (path: string, init: RequestInit = {}): Promise<APIGatewayProxyEvent> => {
  const request = new Request(`https://api.example/${path.replace(/^\//, '')}`, init);
  const url = new URL(request.url);
  const query: Record<string, string[]> = {};
  for (const key of url.searchParams.keys()) query[key] = url.searchParams.getAll(key);
  const body = Buffer.from(await request.arrayBuffer());
  return {
    resource: '/{proxy+}',
    path: url.pathname,
    httpMethod: request.method,
    headers: Object.fromEntries(request.headers),
    multiValueHeaders: Object.fromEntries([...request.headers].map(([name, value]) => [name, [value]])),
    queryStringParameters: Object.fromEntries(url.searchParams),
    multiValueQueryStringParameters: query,
    pathParameters: null,
    stageVariables: null,
    body: init.body === undefined ? null : body.toString('base64'),
    isBase64Encoded: init.body !== undefined,
    requestContext: {
      domainName: 'api.example',
      path: `/live${url.pathname}`,
      stage: 'live',
      identity: { sourceIp: '203.0.113.9' },
    } as APIGatewayProxyEvent['requestContext'],
  };
};
