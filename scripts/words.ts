/**
 * The share of generated words of four letters and more that are words: that stand in the corpus or in a dictionary.
 *
 *   node scripts/words.ts models/shakespeare tinyshakespeare.txt
 *   node scripts/words.ts MODEL CORPUS --dictionary words.txt --characters 20000 --temperature 0.8
 *
 * The dictionary is a word a line; Debian's package wamerican has the default. Beside the model stands the same share of the corpus'
 * last tenth, where the corpus is its first nine tenths: what a text by the author himself would have.
 */
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadModel } from '../src/load-model.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dictionary: { type: 'string', default: '/usr/share/dict/american-english' },
    characters: { type: 'string', default: '20000' },
    temperature: { type: 'string', default: '0.8' },
    seed: { type: 'string', default: '1' },
  },
});
const [place, corpus] = positionals;
if (place === undefined || corpus === undefined) {
  process.stderr.write('Expected a model and its corpus: node scripts/words.ts MODEL CORPUS\n');
  process.exit(2);
}
if (!existsSync(values.dictionary)) {
  process.stderr.write(
    `There is no ${values.dictionary}: apt-get install wamerican, or name another with --dictionary.\n`,
  );
  process.exit(3);
}

const TEXTS = 8;
const LETTERS = 4; // of a word, at least

/** Words in lower case; those that the text's ends may have cut are left out. */
const wordsOf = (text: string): string[] =>
  (text.replace(/^[\p{L}'’]+|[\p{L}'’]+$/gu, '').match(/\p{L}[\p{L}'’]*/gu) ?? []).map((word) =>
    word.toLowerCase().replaceAll('’', "'").replace(/'+$/, ''),
  );
const isLong = (word: string): boolean => (word.match(/\p{L}/gu)?.length ?? 0) >= LETTERS;
const share = (words: readonly string[], known: ReadonlySet<string>): string => {
  const found = words.filter((word) => known.has(word)).length;
  return `${((100 * found) / words.length).toFixed(2)} % of ${words.length.toLocaleString('en')}`;
};

const text = readFileSync(corpus, 'utf8');
const dictionary = readFileSync(values.dictionary, 'utf8').split('\n');
const dictionaryWords = new Set(dictionary.map((word) => word.toLowerCase()));
const known = new Set([...dictionaryWords, ...wordsOf(text)]);
const cut = Math.floor(0.9 * text.length);
const before = new Set([...dictionaryWords, ...wordsOf(text.slice(0, cut))]);

const model = await loadModel(place);
const length = Math.ceil(Number(values.characters) / TEXTS);
const { choices } = await model
  .complete({ n: TEXTS, length, temperature: Number(values.temperature), seed: Number(values.seed) })
  .result();
const written = choices.flatMap((choice) => wordsOf(choice.text)).filter(isLong);
const invented = [...new Set(written.filter((word) => !known.has(word)))];
process.stdout.write(
  [
    `${model.info.name ?? place}: ${share(written, known)} generated words of ${LETTERS} letters and more stand in the corpus or the dictionary`,
    `the corpus' last tenth: ${share(wordsOf(text.slice(cut)).filter(isLong), before)} stand in its first nine tenths or the dictionary`,
    `invented: ${invented.slice(0, 40).join(', ')}${invented.length > 40 ? ` and ${invented.length - 40} more` : ''}`,
    '',
  ].join('\n'),
);
model.dispose();
