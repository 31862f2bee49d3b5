import type { APIGatewayAuthorizerResult, APIGatewayRequestAuthorizerEvent } from 'aws-lambda';

/** Of API keys: API Gateway gives 20 to 128 characters. */
const keyPattern = /^[\x21-\x7e]{20,128}$/;

const header = (event: APIGatewayRequestAuthorizerEvent, name: string): string | undefined =>
  Object.entries(event.headers ?? {}).find(([key]) => key.toLowerCase() === name)?.[1];

/** The key in `x-api-key`, or in `Authorization: Bearer KEY` as the OpenAI client sends it. */
export function keyOf(event: APIGatewayRequestAuthorizerEvent): string | undefined {
  const key =
    header(event, 'x-api-key') ?? /^bearer\s+(\S+)\s*$/i.exec(header(event, 'authorization') ?? '')?.[1];
  return key !== undefined && keyPattern.test(key) ? key : undefined;
}

/**
 * Hands the caller's key to API Gateway, whatever header it came in. Whether the key exists, and what it may still
 * spend, is for API Gateway to judge by its usage plan: this function knows no secret and calls no service.
 *
 * Without a key it denies, which the gateway answers by 401: an error that is thrown would be logged with its stack.
 */
export async function handler(event: APIGatewayRequestAuthorizerEvent): Promise<APIGatewayAuthorizerResult> {
  const key = keyOf(event);
  const policy = (Effect: 'Allow' | 'Deny') => ({
    policyDocument: {
      Version: '2012-10-17',
      Statement: [{ Action: 'execute-api:Invoke', Effect, Resource: event.methodArn }],
    },
  });
  return key === undefined
    ? { principalId: 'nobody', ...policy('Deny') }
    : { principalId: 'holder-of-a-key', usageIdentifierKey: key, ...policy('Allow') };
}
