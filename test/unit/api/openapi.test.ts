import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, describe, expect, test } from 'vitest';
import packageFile from '../../../package.json' with { type: 'json' };
import { openApiDocument } from '../../../src/api/openapi/openapi.ts';
import { statusOn } from '../../../src/api/response/error-response.ts';
import { docsPaths, playgroundPaths } from '../../../src/api/routes/page-paths.ts';
import { operations, templateOf } from '../../../src/api/routes/routes.ts';
import { errorCodes } from '../../../src/errors.ts';
import { createHost } from '../../../src/server/host.ts';
import { callsOf, furnished } from './host-under-test.ts';

describe('the description', async () => {
  const place = await furnished({ origins: ['https://friend.example'] });
  const host = await createHost(place.settings);
  const { app } = host;
  const call = callsOf(host);
  afterAll(() => place[Symbol.asyncDispose]());

  test('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(openApiDocument());
    expect(errors).toBeUndefined();
    expect([valid, validator.version]).toEqual([true, '3.1']);
  });

  test('has the package’s version', () => {
    expect(openApiDocument()).toMatchObject({ info: { version: packageFile.version } });
  });

  test('says what every field of a request means', () => {
    const { schemas } = openApiDocument().components as {
      schemas: Record<string, { properties?: Record<string, { description?: string }> }>;
    };
    const requests = Object.entries(schemas).filter(([id]) => id.endsWith('Request'));
    expect(requests.length).toBeGreaterThan(10);
    for (const [id, { properties = {} }] of requests) {
      for (const [name, { description }] of Object.entries(properties)) {
        expect(description, `${id}.${name}`).toMatch(/^[A-Z].*\.$/);
      }
    }
  });

  test('has no reference without a target', () => {
    const document = openApiDocument();
    const { schemas } = document.components as { schemas: Record<string, unknown> };
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, to]) => to);
    expect(references.length).toBeGreaterThan(20);
    for (const to of references)
      expect(Object.keys(schemas)).toContain(to?.replace('#/components/schemas/', ''));
  });

  test('lists every route of the app, and no other', () => {
    const pages = new Set<string>([...playgroundPaths, ...docsPaths]);
    const routed = app.routes
      .filter(({ method, path }) => method !== 'ALL' && !pages.has(path))
      .map(({ method, path }) => `${method.toLowerCase()} ${path}`);
    const described = operations.map(({ method, path }) => `${method} ${path}`);
    expect([...new Set(routed)].toSorted()).toEqual(described.toSorted());
  });

  test('lists the statuses that follow from the codes of each operation', () => {
    const { paths } = openApiDocument() as {
      paths: Record<string, Record<string, { responses: Record<string, { description: string }> }>>;
    };
    for (const { method, path, errors, answers, openAi } of operations) {
      const { responses } = paths[templateOf(path)]?.[method] ?? { responses: {} };
      for (const code of errors) {
        const status = statusOn(openAi, errorCodes[code].status);
        expect(responses[status]?.description, `${method} ${path}`).toContain(`\`${code}\``);
      }
      const statuses = new Set<number>(Object.values(errorCodes).map(({ status }) => status));
      for (const status of Object.keys(responses).map(Number)) {
        expect(status in answers || statuses.has(status), `${method} ${path} ${status}`).toBe(true);
        expect(responses[status]?.description).not.toContain('undefined');
      }
    }
  });

  test('is served as /openapi.json and as the page /docs', async () => {
    const document = await call('/openapi.json');
    expect(await document.json()).toEqual(JSON.parse(JSON.stringify(openApiDocument())));
    const page = await call('/docs');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    const html = await page.text();
    for (const { id, path } of operations) {
      expect(html).toContain(`id="${id}"`);
      expect(html).toContain(templateOf(path));
    }
    const anchors = [...html.matchAll(/href="#([^"]+)"/g)].map(([, to]) => to);
    for (const to of anchors) expect(html).toContain(`id="${to}"`);
    expect(html).not.toMatch(/<script|https?:\/\/(?!localhost)/);
  });

  test('pages of allowed origins may call, others may not', async () => {
    const preflight = (origin: string) =>
      call('/v1/completions', {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,content-type,idempotency-key,x-stainless-os',
        },
      });
    const allowed = await preflight('https://friend.example');
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://friend.example');
    expect(allowed.headers.get('access-control-allow-headers')).toMatch(
      /authorization.*idempotency-key.*x-stainless-os/i,
    );
    const foreign = await preflight('https://evil.example');
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
    const answer = await call('/v1/models', { headers: { origin: 'https://friend.example' } });
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://friend.example');
    expect(answer.headers.get('access-control-expose-headers')).toContain('x-folio-seed');
    const evil = { origin: 'https://evil.example', authorization: 'Bearer unknown' };
    expect((await call('/v1/models', { headers: evil })).status).toBe(401);
  });
});
