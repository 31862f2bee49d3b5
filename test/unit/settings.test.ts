import { afterEach, describe, expect, test, vi } from 'vitest';
import { cacheFolder } from '../../src/cache-folder.ts';
import { FolioError } from '../../src/errors.ts';
import { definitions, readSettings } from '../../src/settings.ts';

const faultOf = (environment: Record<string, string>): FolioError => {
  try {
    readSettings(environment);
  } catch (error) {
    if (error instanceof FolioError) return error;
    throw error;
  }
  throw new Error('No fault was found.');
};

describe('settings', () => {
  test('an empty environment gives every default', () => {
    const settings = readSettings({});
    expect(settings).toMatchObject({
      store: '.',
      model: 'shakespeare',
      precision: 'int8',
      port: 3000,
      host: '127.0.0.1',
      reloadSeconds: 30,
    });
    expect(settings.cacheFolder).toBeUndefined();
    expect(settings.s3Endpoint).toBeUndefined();
  });

  test.each(Object.entries(definitions))(
    '%s is absent, empty or blank: its default',
    (name, { variable }) => {
      const absent = readSettings({});
      for (const value of ['', '  ']) {
        expect(readSettings({ [variable]: value })).toEqual(absent);
      }
      expect(Object.values(absent)).not.toContain('undefined');
      expect(Object.values(absent).some(Number.isNaN)).toBe(false);
      expect(name in definitions).toBe(true);
    },
  );

  test('each variable has a name of its own and a description', () => {
    const variables = Object.values(definitions).map(({ variable }) => variable);
    expect(new Set(variables).size).toBe(variables.length);
    for (const { variable, description } of Object.values(definitions)) {
      expect(variable).toMatch(/^[A-Z][A-Z0-9_]+$/);
      expect(description).toMatch(/^.{15,}[.]$/s);
    }
  });

  test.each(['x86_64-conda-linux-gnu', 'mybox', 'mybox.example.org'])(
    'HOST=%s, as shells export it, is no address to listen on',
    (name) => {
      expect(readSettings({ HOST: name }).host).toBe('127.0.0.1');
    },
  );

  test.each(['0.0.0.0', '::1', '::', 'localhost', '192.168.1.5', '::ffff:127.0.0.1'])(
    'HOST=%s is one',
    (host) => {
      expect(readSettings({ HOST: host }).host).toBe(host);
    },
  );

  test.each([
    ['INFO', 'info'],
    ['Warning', 'warn'],
    [' CRITICAL ', 'fatal'],
    ['off', 'silent'],
  ])('LOG_LEVEL=%s is %s', (name, level) => {
    expect(readSettings({ LOG_LEVEL: name }).logLevel).toBe(level);
  });

  test('origins are those of addresses with a slash, and nothing else', () => {
    const origins = 'https://a.example/, http://localhost:5173,*';
    expect(readSettings({ FOLIO_ORIGINS: origins }).origins).toEqual([
      'https://a.example',
      'http://localhost:5173',
      '*',
    ]);
    for (const wrong of ['a.example', 'https://a.example/path', 'file:///x', 'https://*.example']) {
      expect(faultOf({ FOLIO_ORIGINS: wrong }).message).toContain('https://example.org');
    }
  });

  test('reads the variables that are set', () => {
    expect(readSettings({ PORT: ' 8080 ', FOLIO_PRECISION: 'f32', HOST: '0.0.0.0' })).toMatchObject({
      port: 8080,
      precision: 'f32',
      host: '0.0.0.0',
    });
  });

  test('what is given wins over the environment', () => {
    const settings = readSettings({ PORT: '8080', HOST: '::1' }, { port: '9090', host: undefined });
    expect(settings).toMatchObject({ port: 9090, host: '::1' });
  });

  test.each([
    ['PORT', 'abc'],
    ['PORT', '-1'],
    ['PORT', '65536'],
    ['PORT', '3000.5'],
    ['PORT', '1e3'],
    ['FOLIO_PRECISION', 'float16'],
    ['FOLIO_RELOAD_SECONDS', 'soon'],
    ['FOLIO_MODEL_CACHE_BYTES', '0'],
    ['LOG_LEVEL', 'loud'],
  ])('refuses %s=%s and says what was expected and what arrived', (variable, value) => {
    const fault = faultOf({ [variable]: value });
    expect(fault.code).toBe('invalid_parameter');
    expect(fault.details.where).toBe(variable);
    expect(fault.message).toMatch(
      new RegExp(`^${variable} must be (a whole number from|one of) .+, not "${value}"\\.$`),
    );
  });

  test('reports all faults at once', () => {
    const { message } = faultOf({ PORT: 'x', LOG_LEVEL: 'y' });
    expect(message).toMatch(/PORT must be .*; LOG_LEVEL must be /);
  });
});

describe('cache folder', () => {
  afterEach(() => vi.unstubAllEnvs());

  test('lies where FOLIO_CACHE says, and is made', async () => {
    const { mkdtemp, rm, stat } = await import('node:fs/promises');
    const { tmpdir } = await import('node:os');
    const { join } = await import('node:path');
    const root = await mkdtemp(join(tmpdir(), 'folio-cache-'));
    vi.stubEnv('FOLIO_CACHE', root);
    const folder = cacheFolder('tools', 'x');
    expect(folder).toBe(join(root, 'tools', 'x'));
    expect((await stat(folder)).isDirectory()).toBe(true);
    await rm(root, { recursive: true });
  });
});
