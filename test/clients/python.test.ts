import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pythonClient } from './packages.ts';
import { type ServerUnderTest, serve } from './server-under-test.ts';

const run = promisify(execFile);

let server: ServerUnderTest;
let folder: string;

beforeAll(async () => {
  server = await serve();
  folder = await mkdtemp(join(tmpdir(), 'folio-python-clients-'));
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** Runs a Python program away from every network but this machine's. */
const runPython = (program: string, parameters: readonly string[]) =>
  run(program, parameters, {
    cwd: folder,
    maxBuffer: 1 << 26,
    env: { ...process.env, HF_HUB_OFFLINE: '1', HF_DATASETS_OFFLINE: '1', HF_HOME: join(folder, 'hf') },
  });

/** Every file below a folder. */
const filesBelow = async (place: string): Promise<string[]> =>
  (await readdir(place, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

test('lm-eval measures what /v1/score measures, without a tokenizer on disk', async () => {
  const lines = ['Once upon a time there was a king.', 'He had a daughter', 'and that is all, dear.'];
  await writeFile(join(folder, 'lines.jsonl'), lines.map((text) => `${JSON.stringify({ text })}\n`).join(''));
  await writeFile(
    join(folder, 'folio_lines.yaml'),
    [
      'task: folio_lines',
      'dataset_path: json',
      `dataset_kwargs: { data_files: { test: ${join(folder, 'lines.jsonl')} } }`,
      'output_type: loglikelihood_rolling',
      'test_split: test',
      'doc_to_text: ""',
      'doc_to_target: "{{text}}"',
      'metric_list: [{ metric: bits_per_byte }]',
    ].join('\n'),
  );
  const program = join(await pythonClient('lm-eval'), 'lm_eval');
  const model = `model=tiny,base_url=${server.url}/v1/completions,tokenizer_backend=remote,num_concurrent=1,max_retries=1`;
  await runPython(program, [
    ...['--model', 'local-completions', '--model_args', model],
    ...['--tasks', 'folio_lines', '--include_path', folder, '--output_path', join(folder, 'out')],
  ]);
  const report = (await filesBelow(join(folder, 'out'))).find((file) => /results_.*\.json$/.test(file)) ?? '';
  const { results } = JSON.parse(await readFile(report, 'utf8')) as {
    results: { folio_lines: { 'bits_per_byte,none': number } };
  };
  const scored = (await (
    await fetch(`${server.url}/v1/score`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: lines }),
    })
  ).json()) as { data: { nats: number; characters: number }[] };
  const nats = scored.data.reduce((sum, one) => sum + one.nats, 0);
  const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0);
  expect(results.folio_lines['bits_per_byte,none']).toBeCloseTo(nats / bytes / Math.LN2, 6);
});

test.each(['/v1/completions', '/v1/chat/completions'])(
  'guidellm measures the server by %s',
  async (format) => {
    const program = join(await pythonClient('guidellm'), 'guidellm');
    const report = join(folder, 'guidellm.json');
    const prompts = join(folder, 'prompts.jsonl');
    const rows = Array.from({ length: 20 }, (_, at) => ({
      prompt: `Once upon ${'abcdefghijklmnopqrst'[at]}`,
      output_tokens_count: 20,
    }));
    await writeFile(prompts, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    await runPython(program, [
      'run',
      ...['--backend', `kind=openai_http,target=${server.url},model=tiny,request_format=${format}`],
      ...['--profile', 'kind=concurrent,streams=4', '--constraint', 'kind=max_requests,count=20'],
      ...['--data', `kind=json_file,path=${prompts}`, '--output', `kind=json,path=${report}`],
      '--disable-console-interactive',
    ]);
    const { benchmarks } = JSON.parse(await readFile(report, 'utf8')) as {
      benchmarks: { metrics: { request_totals: { successful: number; errored: number } } }[];
    };
    expect(benchmarks[0]?.metrics.request_totals).toMatchObject({ successful: 20, errored: 0 });
  },
);
