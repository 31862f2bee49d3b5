import * as apigateway from 'aws-cdk-lib/aws-apigateway';

/**
 * What API Gateway answers by itself, in the messages and statuses of the API (`src/api/response/error-response.ts`): a client
 * that knows OpenAI's errors receives the same ones, whoever refused the request.
 */
export function gatewayResponses(api: apigateway.RestApi, corsOrigin: string, auth: 'key' | 'iam'): void {
  const { ResponseType } = apigateway;
  const respond = (
    name: string,
    type: apigateway.ResponseType,
    status: number | undefined,
    code: string,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) =>
    api.addGatewayResponse(name, {
      type,
      ...(status !== undefined && { statusCode: String(status) }),
      responseHeaders: { 'access-control-allow-origin': `'${corsOrigin}'`, ...headers },
      templates: {
        'application/json': `{"error":{"message":${message},"type":"${kind(status)}","param":null,"code":"${code}"}}`,
      },
    });
  const kind = (status = 400) =>
    status === 401 ? 'authentication_error' : status === 429 ? 'rate_limit_error' : 'invalid_request_error';

  const noKey = '"An API key is needed: send it as `Authorization: Bearer KEY` or `x-api-key: KEY`."';
  respond('NoKey', ResponseType.UNAUTHORIZED, 401, 'unauthorized', noKey);
  if (auth === 'key') respond('Denied', ResponseType.ACCESS_DENIED, 401, 'unauthorized', noKey);
  respond('WrongKey', ResponseType.INVALID_API_KEY, 401, 'unauthorized', '"This API key is not known here."');
  respond('TooFast', ResponseType.THROTTLED, 429, 'too_many_requests', '"Too many requests at once."', {
    'retry-after': "'1'",
  });
  respond('Spent', ResponseType.QUOTA_EXCEEDED, 429, 'too_many_requests', '"This key has spent its quota."', {
    'retry-after': "'3600'",
  });
  respond(
    'TooLarge',
    ResponseType.REQUEST_TOO_LARGE,
    413,
    'too_large',
    '"The request is larger than 10 MB."',
  );
  // Concurrency is used up, of the function or of the account: the gateway reports a throttled function as its own failure.
  const busy = '"All places are taken. Try again in a moment."';
  for (const [name, type] of [
    ['Busy', ResponseType.INTEGRATION_FAILURE],
    ['AuthoriserBusy', ResponseType.AUTHORIZER_FAILURE],
  ] as const) {
    respond(name, type, 503, 'overloaded', busy, { 'retry-after': "'1'" });
  }
  respond('Slow', ResponseType.INTEGRATION_TIMEOUT, 503, 'time_limit', '"The answer took too long."');
  respond('Refused', ResponseType.DEFAULT_4XX, undefined, 'invalid_request', '$context.error.messageString');
  respond('Broken', ResponseType.DEFAULT_5XX, undefined, 'unavailable', '$context.error.messageString');
}
