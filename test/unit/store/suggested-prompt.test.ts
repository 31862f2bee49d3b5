import { describe, expect, test } from 'vitest';
import { suggestedPrompt } from '../../../src/store/suggested-prompt.ts';

const sample = (epoch: number, temperature: number, text: string) => ({ epoch, temperature, text });

describe('suggestedPrompt', () => {
  test('is the first line of the last sample, of the temperature that reads best', () => {
    const samples = [
      sample(1, 0.7, 'early\n'),
      sample(2, 0, 'greedy\n'),
      sample(2, 0.8, '\n  \nIt was a bright morning\nand then\n'),
      sample(2, 1.2, 'wild\n'),
    ];
    expect(suggestedPrompt({ name: 'novel' }, { samples })).toBe('It was a bright morning');
  });

  test('is cut between words at 40 characters, or within a word that is longer', () => {
    const suggested = (text: string) => suggestedPrompt({}, { samples: [sample(1, 0.7, text)] });
    expect(suggested('a line of words that goes on for longer than that')).toBe(
      'a line of words that goes on for longer',
    );
    expect(suggested('x'.repeat(50))).toBe('x'.repeat(40));
    expect(suggested(`${'y'.repeat(40)} more`)).toBe('y'.repeat(40));
  });

  test('of Shakespeare is ROMEO: where the model knows its characters; without a report there is none', () => {
    expect(suggestedPrompt({ name: 'shakespeare', alphabet: [...'ROME:'] })).toBe('ROMEO:');
    expect(
      suggestedPrompt({ name: 'x', corpus: { source: 'tinyshakespeare.txt' }, alphabet: [...'ROME:'] }),
    ).toBe('ROMEO:');
    expect(suggestedPrompt({ name: 'shakespeare', alphabet: [...'rome'] })).toBe('');
    expect(suggestedPrompt({ name: 'novel', alphabet: [...'ROME:'] })).toBe('');
    expect(suggestedPrompt()).toBe('');
  });
});
