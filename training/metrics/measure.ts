import { setImmediate } from 'node:timers/promises';
import { Random } from '../../src/model/sampling/random.ts';
import type { Corpus } from '../corpus/corpus.ts';
import { pick } from '../loop/samples.ts';
import type { OverlapReport } from '../report/report.ts';
import { type EvaluatedModel, evaluateHeldOut, type HeldOutEvaluation } from './held-out.ts';
import { type LineQuality, measureLines } from './line-quality.ts';
import { OVERLAP_WINDOW, overlapWith } from './overlap.ts';

/** Of a long corpus, the first so many held-out characters are measured: more would change nothing. */
const MOST_MEASURED = 1_000_000;
const TEXTS = 4;
const LENGTH = 2500; // characters each
const TEMPERATURE = 0.8;

/**
 * The report's measurements of a finished model, from the artefact as it is published.
 *
 * @param check What a valid line of a corpus of lines matches.
 */
export const measure = async (
  model: EvaluatedModel,
  corpus: Corpus,
  check?: RegExp,
): Promise<{ evaluation: HeldOutEvaluation; overlap: OverlapReport; lines?: LineQuality }> => {
  const evaluation = await evaluateHeldOut(model, corpus, { maxCharacters: MOST_MEASURED });
  const texts: string[] = [];
  for (let seed = 1; seed <= TEXTS; seed += 1) {
    texts.push(write(model, seed));
    await setImmediate();
  }
  const { share, windows } = overlapWith(texts, corpus);
  const text = texts[0]!.slice(0, 1000);
  const lines = corpus.kind === 'lines' ? await measureLines(model, corpus, check) : undefined;
  return {
    evaluation,
    overlap: { window: OVERLAP_WINDOW, windows, share, temperature: TEMPERATURE, text },
    ...(lines === undefined ? {} : { lines }),
  };
};

const write = (model: EvaluatedModel, seed: number): string => {
  const sequence = model.start();
  const random = Random.fromSeed(seed);
  let id = Math.max(0, model.alphabet.indexOf('\n'));
  let text = '';
  for (let count = 0; count < LENGTH; count += 1) {
    id = pick(sequence.step(id), TEMPERATURE, random);
    text += model.alphabet[id]!;
  }
  sequence.close();
  return text;
};
