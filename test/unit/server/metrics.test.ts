import { afterAll, describe, expect, test } from 'vitest';
import { createHost } from '../../../src/server/host.ts';
import { furnished } from '../api/host-under-test.ts';

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Prometheus' text format, strictly: https://prometheus.io/docs/instrumenting/exposition_formats/ */
const parse = (text: string): Map<string, Family> => {
  expect(text.endsWith('\n')).toBe(true);
  const families = new Map<string, { type: string; help: string; samples: Sample[] }>();
  let current = '';
  for (const line of text.split('\n').filter(Boolean)) {
    const [, keyword, of, rest] = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line) ?? [];
    if (keyword === 'HELP') {
      expect(families.has(of!), of).toBe(false);
      current = of!;
      families.set(current, { type: '', help: rest!, samples: [] });
    } else if (keyword === 'TYPE') {
      expect(of).toBe(current);
      families.get(of!)!.type = rest!;
    } else {
      const [, name, , inner = '', number] =
        /^([a-zA-Z_:][\w:]*)(\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)$/.exec(line) ?? [];
      expect(number, line).toBeDefined();
      const own = name === current || new RegExp(`^${current}_(?:bucket|sum|count)$`).test(name!);
      expect(own, `${line} below ${current}`).toBe(true);
      const value =
        number === '+Inf' ? Number.POSITIVE_INFINITY : number === 'Nan' ? Number.NaN : Number(number);
      const labels = Object.fromEntries(
        [...inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, own]) => [key!, own!]),
      );
      families.get(current)!.samples.push({ name: name!, labels, value });
    }
  }
  return families;
};

const place = await furnished({ apiKeys: ['a-reading-key'] });
const host = await createHost(place.settings);
afterAll(async () => {
  await host.close();
  await place[Symbol.asyncDispose]();
});

const key = { authorization: 'Bearer a-reading-key' };
const fetchFrom = async (path: string, init: RequestInit = {}): Promise<Response> =>
  host.app.fetch(new Request(`http://localhost${path}`, init), { remoteAddress: '127.0.0.1' });
const generate = async (body: object, headers: object = {}): Promise<Response> =>
  fetchFrom('/generate', {
    method: 'POST',
    headers: { ...key, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
const metrics = async () => {
  const response = await fetchFrom('/metrics', { headers: key });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const families = parse(await response.text());
  const value = (name: string, labels: Record<string, string> = {}): number | undefined =>
    families
      .get(name.replace(/_(?:bucket|sum|count)$/, ''))
      ?.samples.find(
        (sample) =>
          sample.name === name && Object.entries(labels).every(([key, own]) => sample.labels[key] === own),
      )?.value;
  return { families, value };
};

describe('GET /metrics', () => {
  test('needs a key where the API needs one', async () => {
    expect((await fetchFrom('/metrics')).status).toBe(401);
  });

  test('counts requests and texts, and measures their times', async () => {
    const prompt = 'It was the best of times, it was the worst of times';
    for (let turn = 0; turn < 3; turn++) await (await generate({ prompt, length: 100, seed: 1 })).text();
    await (await generate({ prompt: 'Once', length: -1 })).text();
    const left = await generate({ prompt: 'Once', length: 500 }, { accept: 'text/plain' });
    await left.body!.cancel();
    await new Promise((resolve) => setTimeout(resolve, 10));
    const { families, value } = await metrics();
    const route = { method: 'POST', route: '/generate' };
    expect(value('folio_requests_total', { ...route, status: '200' })).toBe(4);
    expect(value('folio_requests_total', { ...route, status: '400' })).toBe(1);
    expect(value('folio_requests_total', { route: '/metrics', status: '401' })).toBe(1);
    expect(value('folio_request_duration_seconds_count', { route: '/generate' })).toBe(5);
    const model = { model: 'tiny' };
    expect(value('folio_generations_total', { ...model, ended: 'length' })).toBe(3);
    expect(value('folio_generations_total', { ...model, ended: 'left' })).toBe(1);
    expect(value('folio_generated_characters_total', model)).toBe(300);
    expect(value('folio_prompt_characters_total', model)).toBe(3 * prompt.length);
    expect(value('folio_prefix_cache_hits_total', model)).toBe(2);
    expect(value('folio_prompt_cached_characters_total', model)).toBeGreaterThanOrEqual(64);
    expect(value('folio_time_to_first_character_seconds_count', model)).toBe(3);
    expect(value('folio_time_to_first_character_seconds_sum', model)).toBeGreaterThan(0);
    expect(value('folio_time_per_character_seconds_count', model)).toBe(3);
    expect(value('folio_time_per_character_seconds_sum', model)).toBeLessThan(3);
    for (const [name, { type, help, samples }] of families) {
      expect(help, name).not.toBe('');
      expect(['counter', 'gauge', 'histogram', 'summary'], name).toContain(type);
      const buckets = samples.filter(
        (sample) => sample.name.endsWith('_bucket') && sample.labels.route === '/generate',
      );
      expect(buckets.map((one) => one.value)).toEqual(buckets.map((one) => one.value).sort((a, b) => a - b));
    }
    const ends = families
      .get('folio_request_duration_seconds')!
      .samples.filter(({ labels }) => labels.le === '+Inf');
    for (const { labels, value: all } of ends) {
      expect(all).toBe(value('folio_request_duration_seconds_count', { route: labels.route! }));
    }
  });

  test('says what is loaded, what runs and what serves', async () => {
    const running = await generate({ prompt: 'Once', length: 500 }, { accept: 'text/plain' });
    const { value, families } = await metrics();
    expect(value('folio_completions_running')).toBe(1);
    await running.body!.cancel();
    expect((await metrics()).value('folio_completions_running')).toBe(0);
    expect(value('folio_models_loaded')).toBe(1);
    expect(value('folio_model_loaded_bytes', { model: 'tiny', precision: 'int8' })).toBeGreaterThan(1_000);
    expect(value('folio_trainings', { state: 'running' })).toBe(0);
    expect(value('folio_trainings', { state: 'queued' })).toBe(0);
    const build = families.get('folio_build_info')!.samples;
    expect(build).toMatchObject([
      { value: 1, labels: { precision: 'int8', kernel: expect.stringMatching(/^(?:plain|relaxed)/) } },
    ]);
    expect(families.get('nodejs_eventloop_lag_seconds')!.type).toBe('gauge');
    expect(families.get('process_resident_memory_bytes')!.samples[0]!.value).toBeGreaterThan(1e7);
  });

  test('makes no label of what a client writes', async () => {
    await fetchFrom('/CANARYq7w8', { headers: key });
    await fetchFrom('/v1/models/CANARYq7w8', { headers: key });
    await (await generate({ prompt: 'CANARYq7w8', model: 'CANARYq7w8' })).text();
    const text = await (await fetchFrom('/metrics', { headers: key })).text();
    expect(text).not.toContain('CANARYq7w8');
    expect(text).toContain('route="*",status="404"');
  });
});
