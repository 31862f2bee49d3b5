import type { Pages } from '../deps.ts';
import { docsPage } from '../openapi/docs-page.ts';
import { openApiDocument } from '../openapi/openapi.ts';
import { docsPaths } from './page-paths.ts';

const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; font-src 'self'; base-uri 'none'; frame-ancestors 'none'",
};

/** The API's description at `/openapi.json`, and for people at `/docs`; each is made at its first request. */
export const docsPages = (): Pages => {
  let document: string | undefined;
  let page: string | undefined;
  return {
    paths: docsPaths,
    fetch: (request) => {
      if (new URL(request.url).pathname.endsWith('/docs')) {
        page ??= docsPage();
        return new Response(page, { headers: pageHeaders });
      }
      document ??= JSON.stringify(openApiDocument());
      return new Response(document, { headers: { 'content-type': 'application/json; charset=utf-8' } });
    },
  };
};
