import { expect, test } from 'vitest';
import { playground } from '../../../src/api/routes/playground.ts';

const files: Readonly<Record<string, string>> = {
  'index.html': '<!doctype html>',
  'service-worker.js': '// keeps',
  'assets/page.js': '// page',
};
const pages = playground((path) => {
  const text = files[path];
  return Promise.resolve(text === undefined ? undefined : new TextEncoder().encode(text));
});
const get = async (url: string, headers: Record<string, string> = {}): Promise<Response> =>
  pages.fetch(new Request(url, { headers }));

test.each([
  ['http://a/', '<!doctype html>', 'text/html; charset=utf-8'],
  ['http://a/mounted/here/', '<!doctype html>', 'text/html; charset=utf-8'],
  ['http://a/service-worker.js', '// keeps', 'text/javascript; charset=utf-8'],
  ['http://a/mounted/assets/page.js?v=1', '// page', 'text/javascript; charset=utf-8'],
])('playground: %s is served with its content type', async (url, text, type) => {
  const response = await get(url);
  expect(response.status).toBe(200);
  expect(await response.text()).toBe(text);
  expect(response.headers.get('content-type')).toBe(type);
});

test('playground: a file with the browser’s etag is a 304', async () => {
  const etag = (await get('http://a/')).headers.get('etag') ?? '';
  const again = await get('http://a/', { 'if-none-match': etag });
  expect(again.status).toBe(304);
  expect(await again.text()).toBe('');
  expect((await get('http://a/assets/page.js', { 'if-none-match': etag })).status).toBe(200);
});

test('playground: a missing file is a 404', async () => {
  expect((await get('http://a/assets/other.js')).status).toBe(404);
});

test('playground: the content security policy allows nothing inline and nothing from elsewhere but uploads', async () => {
  const policy = (await get('http://a/')).headers.get('content-security-policy') ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/unsafe-inline|unsafe-eval(?<!wasm-unsafe-eval)|https?:/);
  const elsewhere = playground(() => Promise.resolve(new Uint8Array()), ['https://bucket.example']);
  const response = await elsewhere.fetch(new Request('http://a/'));
  expect(response.headers.get('content-security-policy')).toContain(
    "connect-src 'self' https://bucket.example;",
  );
});
