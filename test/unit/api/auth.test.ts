import { describe, expect, test } from 'vitest';
import { type AuthRequest, authoriseByKeys, requireScope } from '../../../src/api/request/auth.ts';

const requestWith = (
  { host = '127.0.0.1:3000', ...headers }: Record<string, string>,
  remoteAddress?: string,
): AuthRequest => ({ url: `http://${host}/generate`, headers: new Headers(headers), remoteAddress });

describe('with keys', () => {
  const authorise = authoriseByKeys({ read: ['reader'], write: ['writer'] });

  test.each([
    [{ authorization: 'Bearer reader' }, ['read']],
    [{ authorization: 'bearer  writer ' }, ['read', 'write']],
    [{ 'x-api-key': 'writer' }, ['read', 'write']],
  ])('a request with the headers %j has the rights %j', (headers, rights) => {
    expect(authorise(requestWith(headers)).rights).toEqual(rights);
  });

  test.each([{}, { authorization: 'Bearer ' }, { authorization: 'Basic reader' }, { 'x-api-key': 'Reader' }])(
    'a request with the headers %j is refused, even from this machine',
    (headers) => {
      expect(() => authorise(requestWith(headers, '127.0.0.1'))).toThrow(
        expect.objectContaining({ code: 'unauthorized' }),
      );
    },
  );

  test('callers have different ids, which do not show their keys', () => {
    const ids = ['reader', 'writer'].map((key) => authorise(requestWith({ 'x-api-key': key })).id);
    expect(new Set(ids).size).toBe(2);
    expect(ids.join()).not.toMatch(/reader|writer/);
  });

  test('a key for reading gives no right to write', () => {
    const reader = authorise(requestWith({ 'x-api-key': 'reader' }));
    expect(() => requireScope(reader, 'write')).toThrow(expect.objectContaining({ code: 'forbidden' }));
  });
});

describe('without any key', () => {
  const authorise = authoriseByKeys(
    { read: [], write: [] },
    {
      origins: ['https://friend.example'],
      localWriteKey: 'drawn',
    },
  );

  test.each([
    ['127.0.0.1', {}],
    ['::1', { host: '[::1]:3000' }],
    ['::ffff:127.0.0.1', { host: 'localhost:3000' }],
    ['127.0.0.1', { origin: 'http://127.0.0.1:3000' }],
    ['127.0.0.1', { origin: 'https://friend.example' }],
    ['127.0.0.1', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }],
    ['127.0.0.1', { authorization: 'Bearer of-another-server' }],
  ])('a request from %s with %j may read, and writes with the key alone', (address, headers) => {
    const caller = authorise(requestWith(headers, address));
    expect(caller.rights).toEqual(['read']);
    expect(() => requireScope(caller, 'write')).toThrow(
      expect.objectContaining({ code: 'unauthorized', message: expect.stringContaining('#key=') as string }),
    );
    const withKey = authorise(requestWith({ ...headers, authorization: 'Bearer drawn' }, address));
    expect(withKey.rights).toEqual(['read', 'write']);
  });

  test.each(['192.168.1.7', '127.0.0.1'])('the key is enough, also behind a proxy (%s)', (address) => {
    const headers = { 'x-api-key': 'drawn', 'x-forwarded-for': '8.8.8.8', host: 'folio.example' };
    expect(authorise(requestWith(headers, address)).rights).toEqual(['read', 'write']);
  });

  test.each<[string, string | undefined, Record<string, string>]>([
    ['another machine', '192.168.1.7', {}],
    ['an unknown address', undefined, {}],
    ...[
      ...['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded', 'forwarded', 'via'],
      ...['x-real-ip', 'x-client-ip', 'x-cluster-client-ip', 'true-client-ip', 'x-original-host'],
      ...['cf-connecting-ip', 'cf-ray', 'cdn-loop', 'fastly-client-ip', 'x-envoy-external-address'],
      ...['x-amzn-trace-id', 'x-amz-cf-id', 'x-azure-clientip', 'x-cloud-trace-context', 'fly-client-ip'],
    ].map((name): [string, string, Record<string, string>] => [
      `a proxy that adds ${name}`,
      '127.0.0.1',
      { [name]: '8.8.8.8' },
    ]),
    ['a name that was rebound', '127.0.0.1', { host: 'evil.example' }],
    ['a foreign page', '127.0.0.1', { origin: 'https://evil.example' }],
    ['a sandboxed page', '127.0.0.1', { origin: 'null' }],
    [
      'an image in a foreign page',
      '127.0.0.1',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
    ],
    [
      'an image in the page of another port',
      '127.0.0.1',
      { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' },
    ],
  ])('a request from %s is refused', (_, address, headers) => {
    expect(() => authorise(requestWith(headers, address))).toThrow(
      expect.objectContaining({ code: 'unauthorized' }),
    );
  });

  test('a request of HTTP/1.0 is refused: nginx speaks so to the servers behind it', () => {
    const request = { ...requestWith({}, '127.0.0.1'), httpVersion: '1.0' };
    expect(() => authorise(request)).toThrow(expect.objectContaining({ code: 'unauthorized' }));
  });
});

test('with keys of its own, a server takes no other key for writing', () => {
  const authorise = authoriseByKeys({ read: ['reader'], write: [] }, { localWriteKey: 'drawn' });
  expect(() => authorise(requestWith({ 'x-api-key': 'drawn' }, '127.0.0.1'))).toThrow(
    expect.objectContaining({ code: 'unauthorized' }),
  );
});
