import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { cacheFolder } from '../src/cache-folder.ts';
import { S3Store } from '../src/store/s3-store.ts';

/**
 * Runs S3-compatible servers and finds out what a store in each of them does: `node scripts/s3-servers.ts [NAME…]`.
 * Prints the table of docs/store.md; with `--write`, puts it there. Servers come from package registries and need Go,
 * Java with Maven, Python or npm; one that cannot be installed is left out, with the reason.
 */
const run = promisify(execFile);
const credentials = { accessKeyId: 'folio-test', secretAccessKey: 'folio-test-secret' };
const region = 'us-east-1';

interface Server {
  readonly name: string;
  readonly version: string;
  /** Puts the program into the folder. */
  install(folder: string): Promise<void>;
  /** @param data An empty folder. */
  command(folder: string, port: number, data: string): readonly [string, ...string[]];
  environment?(folder: string): Readonly<Record<string, string>>;
}

const goInstall = (module: string, folder: string) =>
  run(
    existsSync('/usr/local/go/bin/go') ? '/usr/local/go/bin/go' : 'go',
    ['install', '-trimpath', '-ldflags', '-s -w', module],
    {
      env: { ...process.env, GOBIN: folder, GOFLAGS: '' },
      maxBuffer: 1 << 26,
    },
  );

const servers: readonly Server[] = [
  {
    name: 'versitygw',
    version: '1.8.0',
    install: async (folder) =>
      void (await goInstall('github.com/versity/versitygw/cmd/versitygw@v1.8.0', folder)),
    command: (folder, port, data) => [
      join(folder, 'versitygw'),
      ...['--quiet', '--port', `127.0.0.1:${port}`, '--access', credentials.accessKeyId],
      ...['--secret', credentials.secretAccessKey, '--region', region, 'posix', data],
    ],
  },
  {
    name: 'moto',
    version: '5.2.5',
    install: async (folder) => {
      const pip = ['-m', 'pip', 'install', '--quiet', '--target', folder];
      await run('python3', [...pip, 'moto[server,s3]==5.2.5'], { maxBuffer: 1 << 26 });
    },
    command: (_, port) => [
      ...(['python3', '-c', 'from moto.server import main; main()'] as const),
      ...['-H', '127.0.0.1', '-p', String(port)],
    ],
    environment: (folder) => ({ PYTHONPATH: folder }),
  },
  {
    name: 'gofakes3',
    version: '1.2.0',
    install: async (folder) =>
      void (await goInstall('github.com/johannesboyne/gofakes3/cmd/gofakes3@v1.2.0', folder)),
    command: (folder, port) => [join(folder, 'gofakes3'), '-backend', 'memory', '-host', `127.0.0.1:${port}`],
  },
  {
    name: 'MinIO',
    version: '2026-02-12', // the last commit; the module has no versions
    install: async (folder) =>
      void (await goInstall('github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c', folder)),
    command: (folder, port, data) => [
      join(folder, 'minio'),
      ...['server', '--quiet', '--address', `127.0.0.1:${port}`, data],
    ],
    environment: () => ({
      MINIO_ROOT_USER: credentials.accessKeyId,
      MINIO_ROOT_PASSWORD: credentials.secretAccessKey,
      MINIO_BROWSER: 'off',
      MINIO_UPDATE: 'off',
    }),
  },
  {
    name: 'rclone',
    version: '1.76.0',
    install: async (folder) => void (await goInstall('github.com/rclone/rclone@v1.76.0', folder)),
    command: (folder, port, data) => [
      join(folder, 'rclone'),
      ...['serve', 's3', '--addr', `127.0.0.1:${port}`, '--vfs-cache-mode', 'full'],
      ...['--auth-key', `${credentials.accessKeyId},${credentials.secretAccessKey}`, data],
    ],
    environment: (folder) => ({ RCLONE_CONFIG: join(folder, 'none.conf'), RCLONE_CACHE_DIR: folder }),
  },
  {
    name: 'S3Mock',
    version: '4.9.1',
    install: async (folder) => {
      const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy';
      const artifact = '-Dartifact=com.adobe.testing:s3mock:4.9.1:jar:exec';
      await run('mvn', ['--batch-mode', '--quiet', plugin, artifact, `-DoutputDirectory=${folder}`]);
    },
    command: (folder, port, data) => [
      ...(['java', '-jar', join(folder, 's3mock-4.9.1-exec.jar')] as const),
      ...[
        `--com.adobe.testing.s3mock.http-port=${port}`,
        '--server.port=0',
        `--com.adobe.testing.s3mock.store.root=${data}`,
      ],
    ],
  },
  {
    name: 's3rver',
    version: '3.7.1',
    install: async (folder) => {
      await writeFile(join(folder, 'package.json'), '{"private":true}');
      await run('npm', ['install', '--silent', 's3rver@3.7.1'], { cwd: folder, maxBuffer: 1 << 26 });
    },
    command: (folder, port, data) => [
      process.execPath,
      join(folder, 'node_modules/s3rver/bin/s3rver.js'),
      ...['--directory', data, '--address', '127.0.0.1', '--port', String(port), '--silent'],
    ],
  },
];

const installed = async ({ name, version, install }: Server): Promise<string> => {
  const folder = join(cacheFolder('tools'), `${name}-${version}-server`);
  if (existsSync(folder)) return folder;
  const work = `${folder}.part`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  await install(work);
  await rename(work, folder);
  return folder;
};

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What is expected, and what to say where it is not so. */
type Check = (open: () => S3Store, key: string) => Promise<string>;

/** `yes`, or the error's code and its first words. */
const outcome = async (work: () => Promise<unknown>): Promise<string> => {
  try {
    return (await work()) === false ? 'no' : 'yes';
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return code === 'store_unsafe' ? 'no' : `${code ?? 'error'}: ${message.slice(0, 60)}`;
  }
};

const same = (object: { readonly bytes: Uint8Array } | undefined | 'unchanged', text: string): boolean =>
  typeof object === 'object' && new TextDecoder().decode(object.bytes) === text;

const checks: Readonly<Record<string, Check>> = {
  reads: (open, key) =>
    outcome(async () => {
      const store = open();
      const { etag } = await store.write(key, bytes('0123456789'));
      const whole = same(await store.read(key), '0123456789');
      const none = (await store.read(`${key}-none`)) === undefined;
      return whole && none && (await store.readIfChanged(key, etag)) === 'unchanged';
    }),
  parts: (open, key) =>
    outcome(async () => {
      const store = open();
      await store.write(key, bytes('0123456789'));
      const long = new Uint8Array(17 << 20).map((_, i) => i % 251);
      await store.write(`${key}-long`, long);
      const read = await store.read(`${key}-long`, { expectedBytes: long.length });
      return (
        same(await store.read(key, { range: { start: 0, end: 1 } }), '0') &&
        same(await store.read(key, { range: { start: 3, end: 7 } }), '3456') &&
        Buffer.compare(read?.bytes ?? bytes(''), long) === 0
      );
    }),
  'lists and removes': (open, key) =>
    outcome(async () => {
      const store = open();
      for (const name of ['a', 'b/c']) await store.write(`${key}/${name}`, bytes(name));
      const keys: string[] = [];
      for await (const entry of store.list(`${key}/`)) keys.push(entry.key);
      for (const found of keys) await store.remove(found);
      return keys.join() === `${key}/a,${key}/b/c` && (await store.stat(`${key}/a`)) === undefined;
    }),
  'safe with several writers': (open, key) =>
    outcome(async () => {
      const { etag } = await open().create(key, bytes('1'));
      const results = await Promise.allSettled(
        Array.from({ length: 8 }, (_, i) => open().replace(key, bytes(`by ${i}`), etag)),
      );
      return results.filter(({ status }) => status === 'fulfilled').length === 1;
    }),
};

async function row(server: Server): Promise<readonly string[]> {
  const folder = await installed(server);
  const data = await mkdtemp(join(tmpdir(), 'folio-s3-server-'));
  const port = await freePort();
  const [program, ...args] = server.command(folder, port, data);
  const child = spawn(program, args, {
    stdio: 'ignore',
    env: { ...process.env, ...server.environment?.(folder) },
  });
  try {
    const endpoint = `http://127.0.0.1:${port}`;
    // s3rver knows this one key.
    const keys =
      server.name === 's3rver' ? { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' } : credentials;
    const client = new S3Client({ endpoint, region, credentials: keys, forcePathStyle: true });
    for (let attempt = 0; ; attempt++) {
      try {
        await client.send(new CreateBucketCommand({ Bucket: 'folio' }));
        break;
      } catch (error) {
        if (attempt === 200) throw error;
        await delay(250);
      }
    }
    const open = () => S3Store.at('s3://folio/checks', { endpoint, region, credentials: keys });
    const found: string[] = [];
    for (const [name, check] of Object.entries(checks))
      found.push(await check(open, name.replaceAll(' ', '-')));
    return [`${server.name} ${server.version}`, ...found];
  } finally {
    child.kill('SIGKILL');
    await rm(data, { recursive: true, force: true });
  }
}

const [wanted, options] = [
  process.argv.slice(2).filter((arg) => !arg.startsWith('--')),
  process.argv.slice(2).filter((arg) => arg.startsWith('--')),
];
const rows: (readonly string[])[] = [];
for (const server of servers) {
  if (wanted.length > 0 && !wanted.includes(server.name)) continue;
  try {
    rows.push(await row(server));
  } catch (error) {
    process.stderr.write(`${server.name} left out: ${String(error).split('\n')[0]}\n`);
  }
}
const head = ['server', ...Object.keys(checks)];
const table = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |\n`).join('');
process.stdout.write(table);

if (options.includes('--write')) {
  const page = 'docs/store.md';
  const [open, close] = ['<!-- servers -->\n', '<!-- /servers -->'];
  const text = await readFile(page, 'utf8');
  const [from, to] = [text.indexOf(open) + open.length, text.indexOf(close)];
  if (to < from) throw new Error(`${page} has no place for the table: ${open.trim()} … ${close}`);
  const date = new Date().toISOString().slice(0, 10);
  const note = `Run on ${date} with the AWS client of package-lock.json.`;
  await writeFile(page, `${text.slice(0, from)}\n${table}\n${note}\n\n${text.slice(to)}`);
}
