import { expect, test } from 'vitest';
import { receiptLine } from '../../../src/web/receipt.ts';

const letter = (share: number) => ({ character: 'e', logprob: Math.log(share), top: [] });

test('a leaf says only what is known of it', () => {
  const bare = { model: 'm@1', seed: 3, place: 'on the server', letters: [] };
  expect(receiptLine(bare)).toBe('m@1 · seed 3 · 0 letters on the server');
});

test('a leaf says speed, surprise, quotation, what it read otherwise, and why it ended', () => {
  const line = receiptLine({
    model: 'm@1',
    seed: 3,
    place: 'in this browser',
    letters: [letter(1 / 2), letter(1 / 8)],
    made: { letters: 4000, milliseconds: 200 },
    reason: 'stop',
    overlap: { characters: 14, exact: false },
    replaced: [
      { character: 'é', by: 'e' },
      { character: 'é', by: 'e' },
      { character: '日', by: '' },
    ],
  });
  expect(line).toBe(
    'm@1 · seed 3 · 2 letters in this browser · 20,000 a second · 2.00 bits a letter · ' +
      'longest quotation at most 14 letters · é read as e · 日 left out · came to where it should stop',
  );
});
