/**
 * How much a model repeats itself, with and without the DRY penalty: the share of windows of 20 characters that stood in
 * the text before, and the share of its words that its corpus has. At temperature 0 of one text, above it the mean of four.
 *
 *   node scripts/repetition.ts models/shakespeare tinyshakespeare.txt
 */
import { readFileSync } from 'node:fs';
import { loadModel } from '../src/load-model.ts';
import type { GenerateOptions } from '../src/model/model.ts';

const [place, corpus] = process.argv.slice(2);
if (place === undefined || corpus === undefined) {
  process.stderr.write('Expected a model and its corpus: node scripts/repetition.ts MODEL CORPUS\n');
  process.exit(2);
}

const LENGTH = 5000; // characters of a text
const WINDOW = 20; // characters

const settings: Readonly<Record<string, GenerateOptions>> = {
  without: {},
  'dryMultiplier 0.8': { dryMultiplier: 0.8 },
  'llama.cpp’s defaults': { dryMultiplier: 0.8, dryBase: 1.75, dryAllowedLength: 2 },
};

/** Words in lower case; the last may be cut and is left out. */
const wordsOf = (text: string): string[] =>
  (text.replace(/[\p{L}'’]+$/u, '').match(/\p{L}[\p{L}'’]*/gu) ?? []).map((word) => word.toLowerCase());
const known = new Set(wordsOf(readFileSync(corpus, 'utf8')));

const repeated = (text: string): number => {
  const seen = new Set<string>();
  let again = 0;
  for (let at = 0; at + WINDOW <= text.length; at++) {
    const window = text.slice(at, at + WINDOW);
    if (seen.has(window)) again++;
    seen.add(window);
  }
  return again / (text.length - WINDOW + 1);
};

const real = (text: string): number => {
  const words = wordsOf(text);
  return words.filter((word) => known.has(word)).length / words.length;
};

const mean = (values: readonly number[]): string =>
  `${((100 * values.reduce((sum, value) => sum + value, 0)) / values.length).toFixed(1)} %`;

const model = await loadModel(place);
for (const temperature of [0, 0.2, 0.3, 0.5, 0.8]) {
  for (const [name, options] of Object.entries(settings)) {
    const texts: string[] = [];
    for (const seed of temperature === 0 ? [1] : [1, 2, 3, 4]) {
      const { choices } = await model.complete({ ...options, length: LENGTH, temperature, seed }).result();
      texts.push(choices[0]!.text);
    }
    const figures = `${mean(texts.map(repeated))} repeated, ${mean(texts.map(real))} words`;
    process.stdout.write(`temperature ${temperature}, ${name}: ${figures}\n`);
  }
}
model.dispose();
