import type { Command } from 'commander';
import { checked, ScoreRow } from '../bulk/row.ts';
import type { Score } from '../model/model.ts';
import { addAlphabet } from './alphabet-options.ts';
import { newCommand, numeric } from './command.ts';
import { addModel, type ModelOptions, openModel } from './open-model.ts';
import { columns, count, print } from './print.ts';
import { textFrom } from './text-from.ts';

interface ScoreFlags extends ModelOptions {
  readonly text?: readonly string[];
  readonly unknown?: string;
  readonly top?: number;
  readonly characters?: true;
  readonly json?: true;
}

/** `folio score`: bits per character and perplexity of texts, or every character's own log-probability. */
export const command = (): Command =>
  addAlphabet(
    addModel(
      newCommand('score', 'measure how likely a text is under a model', [
        'folio score chapter-*.txt',
        'folio score --text "To be, or not to be"',
        'echo "Wherefore art thou" | folio score - --characters --top 3',
      ]),
    ),
  )
    .argument('[file...]', 'texts to score; - reads standard input')
    .option('--text <text>', 'the text itself; may be given several times', collect)
    .option('--unknown <rule>', 'unknown characters: error, skip or nearest (default: error)')
    .option('--characters', 'a line for every character: its log-probability (nats) and rank')
    .option('--top <count>', 'with --characters or --json: alternatives to report, up to 20', numeric)
    .option('--json', 'print one JSON object a text')
    .action(run);

async function run(files: readonly string[], flags: ScoreFlags, command: Command): Promise<void> {
  if ((flags.text === undefined) === (files.length === 0)) {
    command.error('error: expected either files (- for standard input) or --text', { exitCode: 2 });
  }
  const held = await openModel(flags);
  const sources = flags.text ?? files;
  const rows: string[][] = [['bits/character', 'perplexity', 'characters', 'text']];
  for (const source of sources) {
    const text = flags.text === undefined ? await textFrom(source) : source;
    const { unknown, top } = checked(ScoreRow, {
      text,
      ...(flags.unknown === undefined ? {} : { unknown: flags.unknown }),
      ...(flags.top === undefined ? {} : { top: flags.top }),
    });
    const score = await held.model.score(text, { unknown, top });
    if (flags.json)
      await print(`${JSON.stringify(asJson(source, score, top, `${held.name}@${held.version}`))}\n`);
    else if (flags.characters) await print(characterLines(score));
    else {
      const { bitsPerCharacter, perplexity, characters } = score;
      rows.push([
        bitsPerCharacter.toFixed(4),
        perplexity.toFixed(4),
        count(characters.length),
        flags.text === undefined ? source : label(source),
      ]);
    }
  }
  if (rows.length > 1) await print(columns(rows));
}

const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** The beginning of a text, on one line. */
const label = (source: string): string => {
  const line = source.replace(/\s+/g, ' ');
  return line.length > 40 ? `${line.slice(0, 39)}…` : line;
};

const characterLines = (score: Score): string =>
  score.characters
    .map(({ character, logprob, rank, top }) =>
      [JSON.stringify(character), logprob.toFixed(4), rank]
        .concat(top.map((other) => `${JSON.stringify(other.character)} ${other.logprob.toFixed(4)}`))
        .join('\t'),
    )
    .map((line) => `${line}\n`)
    .join('');

const asJson = (source: string, score: Score, top: number, model: string): object => ({
  text: source,
  model,
  characters: score.characters.length,
  nats: score.nats,
  bits_per_character: score.bitsPerCharacter,
  perplexity: score.perplexity,
  ...(top === 0 ? {} : { details: score.characters }),
  ...(score.replaced.length === 0 ? {} : { replaced: score.replaced }),
});
