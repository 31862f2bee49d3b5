import { describe, expect, it } from 'vitest';
import { buildLineIndex, openLineIndex } from '../../../src/model/lines/line-index.ts';
import { Random } from '../../../src/model/sampling/random.ts';

const random = Random.fromSeed(7);
const word = (): string =>
  Array.from({ length: 3 + Math.floor(6 * random.uniform()) }, () =>
    String.fromCodePoint(97 + Math.floor(26 * random.uniform())),
  ).join('');

describe('an index of lines', () => {
  const known = new Set(Array.from({ length: 20_000 }, word));
  const bytes = buildLineIndex([...known, ...known, 'é', '漢字', '😀']);
  const index = openLineIndex(bytes);

  it('knows every line, each once, at 8 bytes a line', () => {
    expect(index.lines).toBe(known.size + 3);
    expect(index.byteLength).toBe(16 + 8 * index.lines);
    for (const line of [...known, 'é', '漢字', '😀']) expect(index.has(line)).toBe(true);
  });

  it('knows no other line: not a part, not a neighbour, not one of 200,000 random ones', () => {
    for (const line of [...known].slice(0, 2000)) {
      for (const other of [line.slice(1), `${line}a`, line.toUpperCase(), ` ${line}`, `${line}\n`])
        if (!known.has(other)) expect(index.has(other), other).toBe(false);
    }
    let wrong = 0;
    for (let at = 0; at < 200_000; at++) {
      const line = word();
      if (!known.has(line) && index.has(line)) wrong++;
    }
    expect(wrong).toBe(0);
  });

  it('may be empty, and says when its bytes are none', () => {
    expect(openLineIndex(buildLineIndex([])).has('')).toBe(false);
    for (const damaged of [bytes.subarray(0, 10), bytes.subarray(0, -8), bytes.map((byte) => byte ^ 1)])
      expect(() => openLineIndex(damaged)).toThrow(/index of lines is damaged/);
  });
});
