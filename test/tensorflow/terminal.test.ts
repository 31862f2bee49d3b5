import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { madeUpText } from './text.ts';

/** What each drawing of a line looks like: a bar is drawn over and over from the first column on. */
const rowsOf = (output: string): string[] =>
  stripVTControlCharacters(output.replaceAll('\u001b[1G', '\n')).split(/[\r\n]+/);

test('on a terminal of 80 columns the bar fits, TensorFlow is silent, and the next command is named', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'folio-terminal-'));
  try {
    const corpus = join(folder, 'made-up.txt');
    await writeFile(corpus, madeUpText(4000));
    const train = `${process.execPath} src/cli/main.ts train --corpus ${corpus} --preset tiny --epochs 1 --force --store ${folder}`;
    const child = spawn('script', ['-qec', `stty cols 80; exec ${train}`, '/dev/null'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const output = await text(child.stdout);
    expect(child.exitCode ?? (await new Promise((resolve) => child.once('close', resolve)))).toBe(0);
    expect(output).not.toMatch(/oneDNN|absl|TF_ENABLE/);
    const bars = rowsOf(output).filter((row) => /[█░]/.test(row));
    expect(bars.length).toBeGreaterThan(2);
    for (const row of bars) {
      expect([...row].length).toBeLessThan(80);
      expect(row).toMatch(/^[█░]+ +\d+% +\S+ left {2}loss \S+ +validation .*characters\/s/);
    }
    expect(output).toMatch(/It predicts unseen text [^;]* than [^;]* nats\s+per\s+character/);
    expect(output).toMatch(new RegExp(`report: ${folder}/models/made-up/\\S+/report\\.html\r\n`));
    expect(output).toMatch(/next: (npx )?folio generate --model made-up --store /);
    expect(output).toMatch(/\nmade-up@\d{8}T\d{6}Z-[0-9a-f]{8}\r\n/);
  } finally {
    await rm(folder, { recursive: true });
  }
}, 120_000);

/** Bits of a signal mask of /proc. */
const isIn = (mask: string, signal: keyof typeof constants.signals): boolean =>
  ((BigInt(`0x${mask}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;

test('the process that computes outlives no signal, and is asked to end by a message', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'folio-signals-'));
  try {
    const corpus = join(folder, 'made-up.txt');
    await writeFile(corpus, madeUpText(4000));
    const flags = ['--corpus', corpus, '--preset', 'tiny', '--epochs', '50', '--store', folder, '--json'];
    const child = spawn(process.execPath, ['src/cli/main.ts', 'train', ...flags]);
    const said = text(child.stderr);
    for await (const line of createInterface({ input: child.stdout }))
      if (JSON.parse(line).type === 'step') break;
    const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
    const trains = children.trim();
    const [, , , session] = (await readFile(`/proc/${trains}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
    expect(session, 'a session of its own: what a terminal sends goes elsewhere').toBe(trains);
    const status = await readFile(`/proc/${trains}/status`, 'utf8');
    const caught = /^SigCgt:\s*(\w+)$/m.exec(status)![1]!;
    // Node ends at once at SIGINT and SIGTERM where nobody handles them; these would be handled and gone on after.
    for (const signal of ['SIGHUP', 'SIGWINCH', 'SIGCHLD', 'SIGCONT'] as const)
      expect(isIn(caught, signal), signal).toBe(false);
    child.stdout.resume();
    child.kill('SIGTERM');
    const [code] = await once(child, 'close');
    expect(code).toBe(130);
    expect(await said).toMatch(/^Stopping after a last checkpoint/m);
  } finally {
    await rm(folder, { recursive: true });
  }
}, 120_000);
