import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shuffleLines } from '../../../training/corpus/lines.ts';

const encode = (text: string, alphabet: readonly string[]) =>
  Uint8Array.from(text, (character) => alphabet.indexOf(character));
const split = (text: string, alphabet = [...new Set(text)].sort()) => {
  const { ids, heldOutStart } = shuffleLines(encode(text, alphabet), alphabet);
  const decode = (part: ArrayLike<number>) => Array.from(part, (id) => alphabet[id]).join('');
  const lines = (part: string) => part.split('\n').slice(0, -1);
  return {
    training: lines(decode(ids.subarray(0, heldOutStart))),
    heldOut: lines(decode(ids.subarray(heldOutStart))),
    text: decode(ids),
  };
};
/** Different lines in order, as a list of names is. */
const sorted = Array.from({ length: 2000 }, (_, at) => `${String.fromCharCode(97 + at / 80)}${at * 7919}`);
const listed = `${sorted.join('\n')}\n`;

describe('shuffleLines', () => {
  it('keeps every line, each whole, with about a tenth held out', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-c]{0,6}$/), { minLength: 1, maxLength: 80 }), (lines) => {
        const given = lines.filter((line) => line !== '').sort();
        fc.pre(given.length > 0);
        const { training, heldOut } = split(`${lines.join('\n')}\n`);
        expect([...training, ...heldOut].sort()).toEqual(given);
        expect(training.filter((line) => heldOut.includes(line))).toEqual([]);
      }),
    );
    const { training, heldOut } = split(listed);
    expect(heldOut.length / (training.length + heldOut.length)).toBeCloseTo(0.1, 2);
  });

  it('holds out lines from everywhere in a sorted list, in no order', () => {
    const { training, heldOut } = split(listed);
    const initials = (lines: readonly string[]) => new Set(lines.map(([first]) => first));
    expect(initials(heldOut)).toEqual(initials(sorted));
    for (const part of [training, heldOut]) {
      const rising = part.filter((line, at) => at > 0 && line > part[at - 1]!).length;
      expect(rising / part.length).toBeGreaterThan(0.4);
      expect(rising / part.length).toBeLessThan(0.6);
    }
  });

  it('gives the same order every time, and keeps a line on its side when lines and characters are added', () => {
    expect(split(listed)).toEqual(split(listed));
    const before = new Set(split(listed).heldOut);
    const more = `${listed}${sorted.map((line) => `Ω${line}`).join('\n')}\n`;
    const after = split(more).heldOut;
    const kept = after.filter((line) => before.has(line)).length;
    expect(kept).toBeGreaterThan(0.9 * before.size);
  });

  it('has every copy of a line on one side, and a line that fills the list in the training part', () => {
    const { training, heldOut } = split(`${sorted.slice(0, 300).join('\n')}\n`.repeat(3));
    expect(new Set(training).size + new Set(heldOut).size).toBe(300);
    const filled = split(`${'the same\n'.repeat(900)}${sorted.slice(0, 200).join('\n')}\n`);
    expect(filled.heldOut).not.toContain('the same');
  });

  it('adds the newline that the last line lacks', () => {
    expect(split('b\na\nc').text.endsWith('\n')).toBe(true);
    expect(split('b\na\nc').text.split('\n').sort()).toEqual(['', 'a', 'b', 'c']);
  });
});
