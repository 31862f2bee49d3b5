import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../free-port.ts';
import { installRuntimes } from './install.ts';

/** The package as npm packs it, installed in an empty project, and a checkout without its development packages. */
const root = join(import.meta.dirname, '../..');
const exec = promisify(execFile);

let work: string;
let project: string;

/** npm and Node of this process, whatever the machine has. */
const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` };
const npm = (folder: string, ...parameters: readonly string[]) =>
  exec('npm', [...parameters, '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], {
    cwd: folder,
    env,
    maxBuffer: 1 << 26,
  });

const program = async (text: string): Promise<string> => {
  await writeFile(join(project, 'program.mjs'), text);
  return (await exec(process.execPath, ['program.mjs'], { cwd: project })).stdout;
};

/** A command of the installed package that is expected to fail. @returns its exit code and what it says */
const refused = (...parameters: readonly string[]): Promise<{ code: number; stderr: string }> =>
  exec(process.execPath, [join(project, 'node_modules/.bin/folio'), ...parameters], { cwd: project }).then(
    ({ stdout }) => {
      throw new Error(`It was expected to fail, but prints ${stdout}`);
    },
    ({ code, stderr }: { code: number; stderr: string }) => ({ code, stderr }),
  );

/** Starts a program and waits for its first line. */
const start = async (command: string, parameters: readonly string[], cwd: string, extra = {}) => {
  const child = spawn(command, parameters, {
    cwd,
    env: { ...env, ...extra },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a process group, since npm's own end does not end what it started
  });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += String(chunk);
  });
  const ended = once(child, 'close').then(([code]) => {
    throw new Error(`It ended with ${code} instead of serving: ${said}`);
  });
  ended.catch(() => undefined);
  const line = await Promise.race([createInterface(child.stdout)[Symbol.asyncIterator]().next(), ended]);
  const stop = async (): Promise<void> => {
    process.kill(-child.pid!);
    await ended.catch(() => undefined);
  };
  return { line: String(line.value), stop };
};

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'folio-installed-'));
  project = join(work, 'project');
  await mkdir(project);
  await writeFile(join(project, 'package.json'), '{ "private": true, "type": "module" }');
  const { stdout } = await npm(root, 'pack', '--json', '--ignore-scripts', '--pack-destination', work);
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  await npm(project, 'install', join(work, filename));
});

afterAll(() => rm(work, { recursive: true, force: true }));

describe('the package in an empty project', () => {
  test('brings no server, no AWS client and no TensorFlow', () => {
    const packages = readdirSync(join(project, 'node_modules'));
    expect(packages).toContain('folio');
    const absent = ['express', 'pino', '@aws-sdk', '@tensorflow', 'commander']; // the last is a part of `dist/`
    expect(absent.filter((name) => packages.includes(name))).toEqual([]);
    const licenses = readFileSync(join(project, 'node_modules/folio/dist/licenses.txt'), 'utf8');
    expect(licenses).toMatch(/^commander \d+\.\d+\.\d+ \(MIT\)$/m);
  });

  test('generates with the model that comes with it', async () => {
    expect(
      await program(`import { loadModel } from 'folio';
        const model = await loadModel('node_modules/folio/models/shakespeare');
        for await (const text of model.generate({ prompt: 'ROMEO:', length: 40 })) process.stdout.write(text);`),
    ).toHaveLength(40);
  });

  test('stops a text by its signal', async () => {
    expect(
      await program(`import { loadModel } from 'folio';
        const model = await loadModel('node_modules/folio/models/shakespeare');
        const stop = new AbortController();
        let text = '';
        for await (const piece of model.generate({ prompt: 'ROMEO:', length: 5000, signal: stop.signal })) {
          text += piece;
          stop.abort();
        }
        process.stdout.write(text.length > 0 && text.length < 5000 ? 'stopped' : text);
        model.dispose();`),
    ).toBe('stopped');
  });

  test.each([
    ['express', ['serve']],
    ['@aws-sdk/client-s3', ['models', '--store', 's3://bucket/models']],
    ['@tensorflow/tfjs-node', ['train', '--corpus', 'corpus.txt', '--name', 'novel']],
  ])('says that %s is to be installed', async (name, command) => {
    await writeFile(
      join(project, 'corpus.txt'),
      'A line of a text that is long enough to be tried.\n'.repeat(2000),
    );
    const { code, stderr } = await refused(...command);
    expect(stderr).toContain(`npm install ${name}`);
    expect(code).toBe(9);
  });

  test('says in an answer of the middleware that pino is to be installed, then serves with it', async () => {
    const parameters = [
      join(import.meta.dirname, 'server.mjs'),
      join(project, 'node_modules/folio/dist/express.js'),
      join(project, 'node_modules/folio'),
    ];
    const health = async (): Promise<Response> => {
      const server = await start(process.execPath, parameters, project);
      try {
        return await fetch(`http://127.0.0.1:${server.line}/healthz`);
      } finally {
        await server.stop();
      }
    };
    const refusal = await health();
    expect(refusal.status).toBe(503);
    expect(await refusal.text()).toContain('npm install pino');
    await npm(project, 'install', 'pino@10');
    expect((await health()).status).toBe(200);
  });

  test('starts its own trainer for an upload, which says what it lacks', async () => {
    const parameters = [
      join(import.meta.dirname, 'server.mjs'),
      join(project, 'node_modules/folio/dist/express.js'),
      join(work, 'trained'),
    ];
    const server = await start(process.execPath, parameters, project, { FOLIO_WRITE_KEYS: key });
    try {
      const { training } = (await (await upload(server.line)).json()) as { training: { id: string } };
      const failure = async (): Promise<unknown> => {
        const url = `http://127.0.0.1:${server.line}/v1/trainings/${training.id}`;
        const record = await (await fetch(url, { headers: { authorization: `Bearer ${key}` } })).json();
        return (record as { failure?: unknown }).failure;
      };
      await expect.poll(failure, { timeout: 30_000 }).toMatchObject({
        code: 'tensorflow_unavailable',
        message: expect.stringMatching(/npm install @tensorflow\/tfjs-node@[\d.]+ long@.* --ignore-scripts/),
      });
    } finally {
      await server.stop();
    }
  });
});

const key = 'a-key-for-this-test';
const upload = (port: string): Promise<Response> =>
  fetch(`http://127.0.0.1:${port}/v1/corpora/novel?preset=tiny`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain', authorization: `Bearer ${key}` },
    body: 'A line of a text that is long enough to be tried.\n'.repeat(2000),
  });

test('Node 20 serves by the middleware: completions, streams, imports', async () => {
  const server = await start(
    join(await installRuntimes(), 'node'),
    [join(import.meta.dirname, 'server.mjs'), join(root, 'dist/express.js'), join(work, 'store')],
    work,
    { FOLIO_WRITE_KEYS: key },
  );
  cpSync(join(root, 'models'), join(work, 'store/models'), { recursive: true });
  const ask = async (path: string, body: BodyInit, type = 'application/json') => {
    const answer = await fetch(`http://127.0.0.1:${server.line}${path}`, {
      method: 'POST',
      headers: { 'content-type': type, authorization: `Bearer ${key}` },
      body,
    });
    return { status: answer.status, text: await answer.text() };
  };
  try {
    const completion = { model: 'shakespeare', prompt: 'ROMEO:', max_tokens: 20, seed: 1 };
    const whole = await ask('/v1/completions', JSON.stringify(completion));
    expect(whole.status).toBe(200);
    const [{ text }] = JSON.parse(whole.text).choices;
    expect(text).toHaveLength(20);
    const streamed = await ask('/v1/completions', JSON.stringify({ ...completion, stream: true }));
    expect(streamed.text).toContain('data: [DONE]');
    const file = await readFile(join(root, 'test/fixtures/import/torch-lstm/checkpoint.pt'));
    const imported = await ask('/v1/models/other/import', new Uint8Array(file), 'application/octet-stream');
    expect([imported.status, imported.text]).toEqual([201, expect.stringContaining('"sample"')]);
    const refused = await upload(server.line);
    expect([refused.status, await refused.text()]).toEqual([
      503,
      expect.stringContaining('Training needs Node 24 or later; this server runs in v20'),
    ]);
  } finally {
    await server.stop();
  }
});

test('a checkout without development packages starts', async () => {
  const checkout = join(work, 'checkout');
  await mkdir(checkout);
  const { stdout } = await exec('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
  });
  for (const file of stdout.trim().split('\n')) {
    if (existsSync(join(root, file))) cpSync(join(root, file), join(checkout, file));
  }
  await npm(checkout, 'ci', '--omit=dev');
  expect(existsSync(join(checkout, 'node_modules/vitest'))).toBe(false);
  const port = await freePort();
  const server = await start('npm', ['start', '--silent', '--', '--port', String(port)], checkout);
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/generate?prompt=ROMEO:&length=20&seed=1`);
    expect([answer.status, await answer.json()]).toEqual([
      200,
      expect.objectContaining({ text: expect.any(String) }),
    ]);
  } finally {
    await server.stop();
  }
});
