import * as apigateway from 'aws-cdk-lib/aws-apigateway';

/**
 * What API Gateway answers of its own accord, in the words and statuses of the API (`src/api/response/validation-errors.ts`): a client
 * that knows OpenAI's errors meets the same ones, whoever refused the request.
 */
export function gatewayResponses(api: apigateway.RestApi, corsOrigin: string): void {
  const { ResponseType } = apigateway;
  const says = (
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
  says('NoKey', ResponseType.UNAUTHORIZED, 401, 'unauthorized', noKey);
  says('WrongKey', ResponseType.INVALID_API_KEY, 401, 'unauthorized', '"This API key is not known here."');
  says('TooFast', ResponseType.THROTTLED, 429, 'too_many_requests', '"Too many requests at once."', {
    'retry-after': "'1'",
  });
  says('Spent', ResponseType.QUOTA_EXCEEDED, 429, 'too_many_requests', '"This key has spent its quota."', {
    'retry-after': "'3600'",
  });
  says('TooLarge', ResponseType.REQUEST_TOO_LARGE, 413, 'too_large', '"The request is larger than 10 MB."');
  says('Slow', ResponseType.INTEGRATION_TIMEOUT, 503, 'time_limit', '"The answer took too long."');
  says('Refused', ResponseType.DEFAULT_4XX, undefined, 'invalid_request', '$context.error.messageString');
  says('Broken', ResponseType.DEFAULT_5XX, undefined, 'unavailable', '$context.error.messageString');
}
