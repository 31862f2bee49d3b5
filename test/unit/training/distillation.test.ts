import { describe, expect, it } from 'vitest';
import { Chunks } from '../../../training/loop/chunks.ts';
import { generateText } from '../../../training/loop/distillation/generated-text.ts';
import { taught } from '../../../training/loop/distillation/settings.ts';
import { shareStreams, TaughtChunks } from '../../../training/loop/distillation/taught-chunks.ts';
import { checkTeachers } from '../../../training/loop/distillation/teaching.ts';
import { presets } from '../../../training/presets/presets.ts';
import { randomNetwork } from '../../random-network.ts';

const quiet = () => undefined;
const lstm = (vocabulary: number, seed = 1) =>
  randomNetwork({ vocabulary, layers: [{ kind: 'lstm', units: 8 }], seed });

describe('taught', () => {
  it('regularises little, since what is to be learnt is smooth already, and changes no schedule', () => {
    const settings = taught(presets.standard);
    expect(settings.dropout).toMatchObject({ input: 0, recurrent: 0.05, output: 0.05 });
    expect(settings.optimiser.weightDecay).toBe(0);
    expect(settings.epochs).toBe(presets.standard.epochs);
    expect(settings.distillation).toEqual({ ownCharacter: 0.3, generated: 0.4 });
  });
});

describe('shareStreams', () => {
  it.each([
    [32, 0.4, { own: 19, generated: 13 }],
    [2, 0, { own: 1, generated: 1 }],
    [1, 0.4, { own: 1, generated: 1 }],
  ])('shares %i streams at %f', (batch, share, expected) => {
    expect(shareStreams(batch, share)).toEqual(expected);
  });
});

describe('TaughtChunks', () => {
  const text = Uint8Array.from({ length: 5000 }, (_, at) => at % 97);
  const generated = Uint8Array.from({ length: 3000 }, (_, at) => 100 + (at % 91));
  const settings = { batch: 5, length: 20, carryState: true, epochs: 3, seed: 1 };

  it('reads the text in its first streams as a training without teachers does, and the generated text in the others', () => {
    const chunks = new TaughtChunks(text, generated, settings, 0.4, 96);
    const plain = new Chunks(text, { ...settings, batch: 3 }, 96);
    expect(chunks).toMatchObject({ batch: 5, length: 20, perEpoch: plain.perEpoch });
    for (let epoch = 0; epoch < settings.epochs; epoch++) {
      for (let step = 0; step < chunks.perEpoch; step++) {
        const chunk = chunks.at(epoch, step);
        const alone = plain.at(epoch, step);
        expect(chunk.own).toBe(3);
        expect(chunk.begins.subarray(0, 3)).toEqual(alone.begins);
        for (let t = 0; t < 20; t++) {
          expect(chunk.inputs.subarray(5 * t, 5 * t + 3)).toEqual(alone.inputs.subarray(3 * t, 3 * t + 3));
          expect(chunk.targets.subarray(5 * t, 5 * t + 3)).toEqual(alone.targets.subarray(3 * t, 3 * t + 3));
          expect(chunk.inputs.subarray(5 * t + 3, 5 * t + 5).every((id) => id >= 100)).toBe(true);
          expect(chunk.targets.subarray(5 * t + 3, 5 * t + 5).every((id) => id >= 100)).toBe(true);
        }
      }
    }
  });
});

describe('generateText', () => {
  it('writes texts that begin with the character fed first, the same for the same seed', async () => {
    const networks = [lstm(7), lstm(7, 2)];
    const text = (await generateText(networks, 3, 1000, 5, quiet))!;
    expect(text).toHaveLength(32 * 4096);
    for (let first = 0; first < text.length; first += 4096) expect(text[first]).toBe(3);
    expect(await generateText(networks, 3, 1000, 5, quiet)).toEqual(text);
    expect(await generateText(networks, 3, 1000, 6, quiet)).not.toEqual(text);
    // Random networks expect little: each character comes about as often.
    for (let id = 0; id < 7; id++) {
      const share = text.filter((one) => one === id).length / text.length;
      expect(share).toBeGreaterThan(0.05);
      expect(share).toBeLessThan(0.35);
    }
  });

  it('stops when it is asked to', async () => {
    expect(await generateText([lstm(7)], 3, 1000, 5, quiet, AbortSignal.abort())).toBeUndefined();
  });
});

describe('checkTeachers', () => {
  const alphabet = ['a', 'b', 'c'];

  it('takes the same characters in another order', () => {
    expect(() => checkTeachers([{ network: lstm(3), alphabet: ['c', 'a', 'b'] }], alphabet)).not.toThrow();
  });

  it('refuses another alphabet, naming the characters that differ, and layers that training does not make', () => {
    const other = { network: lstm(3), alphabet: ['a', 'b', 'x'] };
    expect(() => checkTeachers([other], alphabet)).toThrow(
      expect.objectContaining({
        code: 'model_unsupported',
        details: expect.objectContaining({
          where: '--teacher',
          received: '3 characters; in one alone: "cx"',
        }),
      }),
    );
    const gru = randomNetwork({ vocabulary: 3, layers: [{ kind: 'gru', units: 3 }], seed: 1 });
    expect(() => checkTeachers([{ network: gru, alphabet }], alphabet)).toThrow(/LSTM .* another/);
  });
});
