import type { APIGatewayEventRequestContext } from 'aws-lambda';
import type { Authorise } from '../src/api/request/auth.ts';
import { FolioError } from '../src/errors.ts';

/**
 * Behind API Gateway, callers have been identified before a function runs: by an API key of the usage plan, some of
 * which may write, or by IAM, whose policies distinguish routes by themselves.
 */
export const authoriseByGateway =
  (writerKeyIds: readonly string[]): Authorise =>
  ({ host }) => {
    const { requestContext } = (host ?? {}) as { requestContext?: APIGatewayEventRequestContext };
    const { apiKeyId, userArn } = requestContext?.identity ?? {};
    if (apiKeyId) {
      return { id: apiKeyId, rights: writerKeyIds.includes(apiKeyId) ? ['read', 'write'] : ['read'] };
    }
    if (userArn) return { id: userArn, rights: ['read', 'write'] };
    throw new FolioError('unauthorized', 'The gateway let a caller through without saying who it is.');
  };
