import { expect, test } from 'vitest';
import { receiptLine } from '../../../src/web/receipt.ts';

const generated = (share: number) => ({ character: 'e', logprob: Math.log(share), top: [] });

test('a receipt names only the fields that are known', () => {
  const bare = { model: 'm@1', seed: 3, place: 'on the server', characters: [] };
  expect(receiptLine(bare)).toBe('m@1 · seed 3 · 0 characters on the server');
  expect(receiptLine({ ...bare, characters: [generated(1 / 2)] })).toContain(' · 1 character on the server');
});

test('a receipt names speed, surprise, quotation, replaced characters, and why the text ended', () => {
  const line = receiptLine({
    model: 'm@1',
    seed: 3,
    place: 'in this browser',
    characters: [generated(1 / 2), generated(1 / 8)],
    generated: { characters: 4000, milliseconds: 200 },
    reason: 'stop',
    choiceScores: [
      { text: 'No.', probability: 0.25 },
      { text: 'Ay.', probability: 0.75 },
    ],
    overlap: { characters: 14, exact: false },
    replaced: [
      { character: 'é', by: 'e' },
      { character: 'é', by: 'e' },
      { character: '日', by: '' },
    ],
  });
  expect(line).toBe(
    'm@1 · seed 3 · 2 characters in this browser · 20,000 characters/s · 2.00 bits/character · ' +
      'longest quotation at most 14 characters · “Ay.” 75%, “No.” 25% · é read as e · 日 left out · reached its stop text',
  );
});
