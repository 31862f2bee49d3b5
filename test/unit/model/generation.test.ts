import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CompletionEvent, GenerateOptions, Model } from '../../../src/model/model.ts';
import { randomModel } from '../../random-model.ts';

const model = randomModel();

const write = async (options: GenerateOptions, by: Model = model) => {
  const { choices } = await by.complete({ length: 40, seed: 1, ...options }).result();
  return choices[0]!;
};

const penalties: GenerateOptions = {
  temperature: 0.8,
  topP: 0.9,
  repetitionPenalty: 1.2,
  presencePenalty: 0.3,
  frequencyPenalty: 0.1,
};

describe('generation', () => {
  it('gives the same text for the same seed, in pieces or whole', async () => {
    let text = '';
    for await (const piece of model.generate({ prompt: 'A cab', length: 300, seed: 9 })) text += piece;
    expect([...text]).toHaveLength(300);
    expect((await write({ prompt: 'A cab', length: 300, seed: 9 })).text).toBe(text);
    expect((await write({ prompt: 'A cab', length: 300, seed: 10 })).text).not.toBe(text);
  });

  it('writes one golden text, in int8, on every host', async () => {
    expect(
      (await write({ prompt: 'golden', length: 60, seed: 2024, topP: 0.95 })).text,
    ).toMatchInlineSnapshot(`"aap ,n dzc!hmwhpy?gag?g??lt x Bygbnpt!a,kBaaaat   v  yukx?gn"`);
  });

  it('reports the seed that it drew', async () => {
    const { seed, choices } = await model.complete({ length: 50 }).result();
    expect((await write({ length: 50, seed })).text).toBe(choices[0]!.text);
  });

  it('writes n completions, each the sum of its events, the first as if alone', async () => {
    const options = { prompt: 'six', length: 50, seed: 4, n: 6 };
    const completions = model.complete(options);
    const texts = new Array<string>(6).fill('');
    const reasons: CompletionEvent['finishReason'][] = [];
    for await (const event of completions) {
      texts[event.index] += event.text;
      if (event.finishReason) reasons[event.index] = event.finishReason;
    }
    const { choices, promptCharacters } = await completions.result();
    expect(choices.map((choice) => choice.text)).toEqual(texts);
    expect(reasons).toEqual(new Array(6).fill('length'));
    expect(new Set(texts).size).toBe(6);
    expect(texts[0]).toBe((await write(options)).text);
    expect(promptCharacters).toBe(3);
  });

  it('agrees with a run stepped by hand', async () => {
    const { text } = await write({ prompt: 'ab', length: 30, temperature: 0 });
    const run = model.start();
    let logits = run.step(model.alphabet.idOf('\n')!);
    for (const character of 'ab') logits = run.step(model.alphabet.idOf(character)!);
    let greedy = '';
    for (let i = 0; i < 30; i++) {
      const id = logits.indexOf(Math.max(...logits));
      greedy += model.alphabet.piece(id);
      logits = run.step(id);
    }
    run.close();
    expect(text).toBe(greedy);
  });

  it('writes the same whatever others write meanwhile', async () => {
    const alone = await write({ prompt: 'alone', length: 100, seed: 3 });
    const others = Array.from({ length: 9 }, (_, seed) =>
      write({ prompt: 'b'.repeat(seed), length: 60 + 9 * seed, seed }),
    );
    expect((await write({ prompt: 'alone', length: 100, seed: 3 })).text).toBe(alone.text);
    await Promise.all(others);
  });

  it('writes nothing when nothing is asked, and goes on from there', async () => {
    const nothing = await write({ prompt: 'abc', length: 0 });
    expect(nothing).toMatchObject({ text: '', finishReason: 'length', generated: 0 });
    expect((await write({ from: nothing.state })).text).toBe((await write({ prompt: 'abc' })).text);
  });

  it('is refused for what it cannot do, before anything runs', () => {
    const cases: [GenerateOptions, string][] = [
      [{ length: -1 }, 'length'],
      [{ length: 1.5 }, 'length'],
      [{ n: 0 }, 'n'],
      [{ seed: -1 }, 'seed'],
      [{ seed: 0.5 }, 'seed'],
      [{ stop: [''] }, 'stop'],
      [{ logprobs: -1 }, 'logprobs'],
      [{ temperature: Number.NaN }, 'temperature'],
    ];
    for (const [options, where] of cases) {
      expect(() => model.complete(options)).toThrow(
        expect.objectContaining({ code: 'invalid_parameter', details: expect.objectContaining({ where }) }),
      );
    }
    expect(() => model.complete({ prompt: 'Ω' })).toThrow(
      expect.objectContaining({ code: 'unknown_character' }),
    );
  });

  it('reports what became of unknown characters', async () => {
    const { replaced, promptCharacters } = await model
      .complete({ prompt: 'aéΩ', unknown: 'skip', length: 1 })
      .result();
    expect(replaced).toEqual([
      { at: 1, character: 'é', by: '' },
      { at: 2, character: 'Ω', by: '' },
    ]);
    expect(promptCharacters).toBe(1);
  });
});

describe('stop strings', () => {
  it('end a text where they first stand, and are not part of it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(99), fc.integer({ min: 1, max: 6 }), fc.nat(50), async (from, length, seed) => {
        const whole = (await write({ length: 120, seed })).text;
        const stop = whole.slice(from, from + length);
        const completions = model.complete({ length: 120, seed, stop: [stop, 'never there'] });
        let streamed = '';
        for await (const { text } of completions) streamed += text;
        const [choice] = (await completions.result()).choices;
        expect(choice!.text).toBe(whole.slice(0, whole.indexOf(stop)));
        expect(streamed).toBe(choice!.text);
        expect(choice!.finishReason).toBe('stop');
        expect(choice!.generated).toBe(choice!.text.length + stop.length);
      }),
      { numRuns: 40 },
    );
  });

  it('that only begin at the end are emitted after all', async () => {
    const { text } = await write({ length: 30 });
    const cut = await write({ length: 30, stop: [`${text.slice(-2)}\u{1f600}`] });
    expect(cut).toMatchObject({ text, finishReason: 'length' });
  });
});

describe('a state', () => {
  it('goes on exactly as one longer request would have', async () => {
    const request = fc.record({
      first: fc.nat(40),
      second: fc.nat(40),
      seed: fc.nat(1000),
      prompt: fc.constantFrom('', 'a', 'Begin, '),
      stop: fc.constantFrom([], ['qz'], ['.', '?!']),
      withPenalties: fc.boolean(),
      sameSeed: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ first, second, seed, prompt, stop, withPenalties, sameSeed }) => {
        const options = { ...(withPenalties ? penalties : {}), stop };
        const whole = await write({ ...options, prompt, seed, length: first + second });
        const begun = await write({ ...options, prompt, seed, length: first });
        if (begun.finishReason === 'stop') return;
        const completions = model.complete({
          ...options,
          from: begun.state,
          length: second,
          ...(sameSeed ? { seed } : {}),
        });
        const { choices, seed: reported } = await completions.result();
        expect(reported).toBe(seed);
        const joined = begun.text + choices[0]!.text;
        // What a longer request would have held back was emitted already.
        expect(joined.startsWith(whole.text)).toBe(true);
        if (stop.length === 0) expect(joined).toBe(whole.text);
        expect(choices[0]!.finishReason).toBe(whole.finishReason);
      }),
      { numRuns: 60 },
    );
  });

  it('stands before a stop string, so that another text can take its place', async () => {
    const whole = (await write({ length: 80, seed: 6 })).text;
    const at = 41;
    const stop = whole.slice(at, at + 3);
    const begun = await write({ length: 80, seed: 6, stop: [stop] });
    expect(begun.text).toBe(whole.slice(0, whole.indexOf(stop)));
    const reply = await write({ from: begun.state, prompt: 'cab', seed: 8, temperature: 0 });
    const afresh = await write({ prompt: `${begun.text}cab`, seed: 8, temperature: 0 });
    expect(reply.text).toBe(afresh.text);
    const on = await write({ from: begun.state, seed: 6, length: 80 - begun.text.length });
    expect(begun.text + on.text).toBe(whole);
  });

  it('is saved, restored and forked by runs', () => {
    const run = model.start();
    for (let i = 0; i < 37; i++) run.step((i * 5) % model.vocabularySize);
    const saved = run.save();
    const fork = run.fork();
    const next = [...run.step(3)];
    expect([...fork.step(3)]).toEqual(next);
    for (let i = 0; i < 20; i++) run.step(i);
    run.restore(saved);
    expect([...run.step(3)]).toEqual(next);
    const other = model.start();
    other.restore(saved);
    expect([...other.step(3)]).toEqual(next);
    for (const one of [run, fork, other]) one.close();
    expect(() => run.step(0)).toThrow();
  });

  it('of a run can be gone on from, its size 8 bytes a unit and a header', async () => {
    const run = model.start();
    for (const character of '\nstate') run.step(model.alphabet.idOf(character)!);
    const saved = run.save();
    expect(saved.length - 8 * 12).toBeLessThan(200);
    expect((await write({ from: saved })).text).toBe((await write({ prompt: 'state' })).text);
    run.close();
  });

  it('of another model, version or precision is refused', async () => {
    const { state } = await write({});
    const another = { info: { name: 'tiny', version: '2', metadata: {} }, digest: () => 'sha256:other' };
    for (const other of [randomModel(another), randomModel({ precision: 'f32' })]) {
      expect(() => other.complete({ from: state })).toThrow(
        expect.objectContaining({ code: 'state_mismatch' }),
      );
      const run = other.start();
      expect(() => run.restore(state)).toThrow(expect.objectContaining({ code: 'state_mismatch' }));
    }
    expect(() => randomModel(another).complete({ from: state })).toThrow(/tiny@2.*tiny@1/);
  });

  it('that is damaged anywhere is refused', async () => {
    const { state } = await write(penalties);
    fc.assert(
      fc.property(fc.nat(state.length - 1), fc.integer({ min: 1, max: 255 }), fc.nat(), (at, by, cut) => {
        const damaged = state.slice();
        damaged[at]! ^= by;
        expect(() => model.complete({ from: damaged })).toThrow(
          expect.objectContaining({ code: 'state_mismatch' }),
        );
        expect(() => model.complete({ from: state.slice(0, cut % state.length) })).toThrow(
          expect.objectContaining({ code: 'state_mismatch' }),
        );
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(() => model.complete({ from: bytes })).toThrow(
          expect.objectContaining({ code: 'state_mismatch' }),
        );
      }),
    );
  });
});

describe('prompts that begin alike', () => {
  it('share what was read, and write what they would have written', async () => {
    const cached = randomModel();
    const uncached = randomModel({ prefixCacheBytes: 0 });
    const stem = 'the same beginning of every prompt, '.repeat(8);
    for (const end of ['', 'a', 'b', `${stem}c`]) {
      for (const again of [1, 2]) {
        const got = await write({ prompt: stem + end, seed: again }, cached);
        expect(got.text).toBe((await write({ prompt: stem + end, seed: again }, uncached)).text);
      }
    }
    expect(cached.info.byteLength).toBeGreaterThan(uncached.info.byteLength);
  });
});

describe('details', () => {
  it('are the logarithms of the model’s own probabilities', async () => {
    const completions = model.complete({
      prompt: 'ab',
      length: 12,
      seed: 5,
      temperature: 0.5,
      logprobs: 3,
      scorePrompt: true,
    });
    const details = [];
    for await (const { characters = [] } of completions) details.push(...characters);
    const { choices, promptDetails } = await completions.result();
    expect(details.map(({ character }) => character).join('')).toBe(choices[0]!.text);
    const score = await model.score(`ab${choices[0]!.text}`, { top: 3 });
    const allDetails = [...promptDetails!, ...details];
    expect(allDetails).toEqual(score.characters);
    for (const { top, logprob, rank } of score.characters) {
      expect(top).toHaveLength(3);
      expect(top.toSorted((a, b) => b.logprob - a.logprob)).toEqual(top);
      if (rank <= 3) expect(top[rank - 1]!.logprob).toBeCloseTo(logprob, 12);
    }
  });

  it('come with stop strings for emitted characters only', async () => {
    const { text } = await write({ length: 40, seed: 5 });
    const completions = model.complete({ length: 40, seed: 5, logprobs: 0, stop: [text.slice(20, 24)] });
    let characters = '';
    for await (const event of completions)
      for (const one of event.characters ?? []) characters += one.character;
    expect(characters).toBe((await completions.result()).choices[0]!.text);
  });
});

describe('scoring', () => {
  it('adds up: probabilities of all continuations of a text are 1', async () => {
    const scores = await Promise.all([...model.alphabet.characters].map((end) => model.score(`cab${end}`)));
    const sum = scores.reduce((total, { characters }) => total + Math.exp(characters[3]!.logprob), 0);
    expect(sum).toBeCloseTo(1, 9);
    expect(new Set(scores.map(({ characters }) => characters[3]!.rank)).size).toBe(model.vocabularySize);
  });

  it('gives nats, bits and perplexity of the whole', async () => {
    const { characters, nats, bitsPerCharacter, perplexity } = await model.score('score me');
    expect(characters).toHaveLength(8);
    expect(nats).toBeCloseTo(
      characters.reduce((sum, { logprob }) => sum - logprob, 0),
      12,
    );
    expect(bitsPerCharacter).toBeCloseTo(nats / 8 / Math.LN2, 12);
    expect(perplexity).toBeCloseTo(2 ** bitsPerCharacter, 9);
    expect(await model.score('')).toMatchObject({ nats: 0, bitsPerCharacter: 0, perplexity: 1 });
  });

  it('stops when it is aborted', async () => {
    const stop = new AbortController();
    const scoring = model.score('long '.repeat(20_000), { signal: stop.signal });
    setTimeout(() => stop.abort(new Error('enough')), 5);
    await expect(scoring).rejects.toThrow('enough');
  });
});
