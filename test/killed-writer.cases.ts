import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { versionPrefix } from '../src/store/keys.ts';
import { activate, currentVersion, listVersions } from '../src/store/models.ts';
import type { Store } from '../src/store/store.ts';
import { publishTinyModel, tinyModel } from './tiny-model.ts';

/**
 * Kills a writer in the midst of publishing, again and again.
 *
 * @param rounds How many are killed.
 * @param place The location that the writer opens, its environment, and the same store for this reader.
 */
export function killedWriterCases(
  place: () => { location: string; environment: Readonly<Record<string, string>>; store: Store },
  rounds = 6,
): void {
  test('a reader meets only whole versions while a writer is killed in the midst of publishing', async () => {
    const { location, environment, store } = place();
    await publishTinyModel(store, { name: 'killed', units: [64] });
    const wholeSize = [...tinyModel({ units: [64] }).files].find(([file]) => file.endsWith('.bin'))![1]
      .length;
    const seen = new Set<string>();
    for (let round = 0; round < rounds; round++) {
      const writer = spawn(process.execPath, ['test/publish-forever.ts', location], {
        env: { ...process.env, ...environment },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(writer.stdout, 'data');
      const ended = once(writer, 'exit');
      const end = Date.now() + 60 + Math.random() * 120;
      while (Date.now() < end) await look(store, wholeSize, seen);
      writer.kill('SIGKILL');
      await ended;
      await look(store, wholeSize, seen);
    }
    expect(seen.size).toBeGreaterThan(rounds);
    // Whatever the dead left, the next writer gets through at once, and what counts as a version is whole.
    const next = await publishTinyModel(store, {
      name: 'killed',
      seed: 1_000_000,
      createdAt: new Date(2e12),
    });
    expect(await currentVersion(store, 'killed')).toBe(next.version);
    const versions = await listVersions(store, 'killed');
    expect(versions.length).toBeGreaterThanOrEqual(seen.size);
    const started = performance.now();
    await activate(store, 'killed', versions.at(-1)!.version);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
}

async function look(store: Store, wholeSize: number, seen: Set<string>): Promise<void> {
  const version = await currentVersion(store, 'killed');
  expect(version).toBeDefined();
  seen.add(version!);
  const [model, weights] = await Promise.all(
    ['model.json', 'weights-1-of-1.bin'].map((file) => store.read(versionPrefix('killed', version!) + file)),
  );
  expect(JSON.parse(new TextDecoder().decode(model?.bytes)).userDefinedMetadata.folio.version).toBe(version);
  expect(weights?.bytes.length).toBe(wholeSize);
}
