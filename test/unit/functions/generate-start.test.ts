import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';
import { bundleFunction } from '../../../functions/bundle.ts';
import { isRareField, schemasWithRareFields } from '../../../src/api/request/rare-fields.ts';
import { kernelBytes } from '../../../src/model/kernel/kernel-bytes.ts';

/** Where the code of patterns, choices, bans, DRY, dynamic temperatures and blends is called from. */
const area =
  /^src\/(?:model\/(?:decode|sampling)\/|model\/create-model|api\/request\/|api\/generation\.ts|api\/response\/(?:completion|stop-reason)|api\/routes\/generate\.ts)/;

/** Bytes of the area in what `generate` loaded at its start when there were none of them: commit fdf6fa2. */
const bytesBefore = 62_929;

/** The files of a bundle that are loaded before the first request. */
const loadedAtStart = ({ outputs }: Metafile): readonly Metafile['outputs'][string][] => {
  const found = new Set<string>();
  const load = (file: string): void => {
    const output = outputs[file];
    if (output === undefined || found.has(file)) return;
    found.add(file);
    for (const { path, kind } of output.imports) if (kind !== 'dynamic-import') load(path);
  };
  // The second is imported by the first while the model is on its way.
  const entries = ['functions/generate.ts', 'functions/generate-app.ts'];
  for (const [file, { entryPoint }] of Object.entries(outputs)) {
    if (entryPoint !== undefined && entries.includes(entryPoint)) load(file);
  }
  return [...found].map((file) => outputs[file]!);
};

describe('what the function that generates loads at its start', () => {
  const bytes = new Map<string, number>();
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'folio-start-'));
    const metafile = await bundleFunction('generate', folder);
    await rm(folder, { recursive: true });
    for (const { inputs } of loadedAtStart(metafile)) {
      for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
        if (bytesInOutput > 0) bytes.set(file, (bytes.get(file) ?? 0) + bytesInOutput);
      }
    }
  });

  test('has what every request needs', () => {
    expect([...bytes.keys()]).toEqual(
      expect.arrayContaining(['src/model/decode/decoder.ts', 'src/api/request/requests.ts']),
    );
  });

  test('has that build of the kernel alone which every processor of Lambda runs', () => {
    const size = bytes.get('src/model/kernel/kernel-bytes.ts')!;
    const { length } = kernelBytes.relaxed.base64;
    expect(size).toBeGreaterThan(length);
    expect(size).toBeLessThan(length + 200);
  });

  test('has none of what few requests ask for, and no descriptions of fields', () => {
    const rare =
      /^src\/(?:pattern|api\/openapi)\/|\/(?:banned-strings|blend|check-constraints|choices|constraints|dry|dynamic-temperature|other-names|parameter-texts|pattern|rare-fields|resolve-blend|text-constraint)\.ts$/;
    expect([...bytes.keys()].filter((file) => rare.test(file))).toEqual([]);
  });

  test('checks no field that few requests have', () => {
    for (const usual of schemasWithRareFields().keys()) {
      const twice = Object.keys(usual.shape).filter(isRareField);
      expect(twice).toEqual([]);
    }
  });

  test('has no more for those who never ask than before there was anything to ask for', () => {
    const ofArea = [...bytes].filter(([file]) => area.test(file));
    expect(ofArea.reduce((sum, [, size]) => sum + size, 0)).toBeLessThanOrEqual(bytesBefore);
  });
});
