import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { FolioError } from '../errors.ts';
import type { Alphabet } from '../model/format/alphabet.ts';
import type { SamplingOptions } from '../model/model.ts';
import { SAMPLING_PARAMETER_TEXTS } from '../model/sampling/parameter-texts.ts';
import { samplingParameters, snakeCase } from '../model/sampling/parameters.ts';
import { gather, numeric } from './command.ts';

type CharacterBias = readonly [character: string, bias: number];

/** Options of every command that generates; their names are those of `POST /generate`, with dashes. */
export interface SamplingFlags extends Omit<SamplingOptions, 'logitBias'> {
  readonly length?: number;
  readonly logitBias?: readonly CharacterBias[];
  readonly minLength?: number;
  readonly stop?: readonly string[];
  readonly includeStop?: true;
  readonly banned?: readonly string[];
  readonly drySequenceBreaker?: readonly string[];
  readonly pattern?: string;
  readonly patternFlags?: string;
  readonly choice?: readonly string[];
  readonly jsonSchema?: Readonly<Record<string, unknown>>;
  readonly unknown?: string;
  readonly copyGuard?: number;
  readonly overlap?: true;
}

const readBias = (given: string, before: readonly CharacterBias[] = []): readonly CharacterBias[] => {
  const [, character, bias] = /^(.)=([+-]?\d+(?:\.\d+)?)$/su.exec(given) ?? [];
  if (character === undefined || Math.abs(Number(bias)) > 100) {
    throw new InvalidArgumentError('Expected a character, "=" and a number from -100 to 100, such as e=-5.');
  }
  return [...before, [character, Number(bias)]];
};

const readSchema = (file: string): Readonly<Record<string, unknown>> => {
  try {
    const schema: unknown = JSON.parse(readFileSync(file === '-' ? 0 : file, 'utf8'));
    if (typeof schema === 'object' && schema !== null) return schema as Readonly<Record<string, unknown>>;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file.' : message;
    throw new InvalidArgumentError(
      `Expected a file that holds a JSON schema, or - for standard input: ${why}`,
    );
  }
  throw new InvalidArgumentError(
    'Expected a file that holds a JSON schema, an object, or - for standard input.',
  );
};

export const addSampling = (command: Command): Command => {
  command.option('--length <characters>', 'characters to generate at most (default: 256)', numeric);
  for (const [name, { default: fallback }] of samplingParameters) {
    const { unit, help } = SAMPLING_PARAMETER_TEXTS[name];
    const flag = snakeCase(name).replaceAll('_', '-');
    command.option(`--${flag} <${unit}>`, `${sentenceStart(help)} (default: ${fallback})`, numeric);
  }
  return command
    .option('--logit-bias <character=number>', 'make a character likelier, or below 0 less likely', readBias)
    .option('--allowed <characters>', 'generate only these characters')
    .option('--stop <text>', 'end before this text; may be given several times', gather)
    .option('--include-stop', 'end the text with the text that ended it')
    .option('--min-length <characters>', 'characters before --stop or --pattern may end the text', numeric)
    .option('--banned <text>', 'never write this text; may be given several times', gather)
    .option(
      '--dry-sequence-breaker <text>',
      'over which the DRY penalty follows no repetition; may be given several times',
      gather,
    )
    .option('--pattern <expression>', 'a regular expression that the whole text matches')
    .option('--pattern-flags <letters>', 'of the pattern, as in JavaScript: i ignores case; also m, s and v')
    .option('--choice <text>', 'write one of the texts that are given so, by their probabilities', gather)
    .option('--json-schema <file>', 'a JSON schema that the text fits; - reads standard input', readSchema)
    .addOption(
      new Option(
        '--unknown <rule>',
        'what becomes of characters that the model does not know (default: error)',
      ).choices(['error', 'skip', 'nearest']),
    )
    .option('--copy-guard <characters>', 'never repeat this many characters of the corpus', numeric)
    .option('--overlap', 'report the longest passage that stands in the corpus');
};

/** A sentence as the help of an option has it: in small letters, without its full stop. */
const sentenceStart = (text: string): string =>
  `${text[0]?.toLowerCase()}${text.slice(1).replace(/\.$/, '')}`;

/** The same as parameters of `POST /generate`: what was not given is left out. */
export function requestParameters(options: SamplingFlags): Record<string, unknown> {
  const parameters = {
    length: options.length,
    ...Object.fromEntries(samplingParameters.map(([name]) => [snakeCase(name), options[name]])),
    allowed: options.allowed,
    min_length: options.minLength,
    stop: options.stop,
    include_stop: options.includeStop,
    banned: options.banned,
    dry_sequence_breakers: options.drySequenceBreaker,
    pattern: options.pattern,
    pattern_flags: options.patternFlags,
    choices: options.choice,
    json_schema: options.jsonSchema,
    unknown: options.unknown,
    copy_guard: options.copyGuard,
    overlap: options.overlap,
  };
  return Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== undefined));
}

/** `--logit-bias` as a parameter of `POST /generate`, where digits are ids unless they are quoted. */
export const biasParameter = ({ logitBias: bias }: SamplingFlags): { logit_bias?: Record<string, number> } =>
  bias === undefined
    ? {}
    : {
        logit_bias: Object.fromEntries(
          bias.map(([character, value]) => [/\d/.test(character) ? `'${character}'` : character, value]),
        ),
      };

/**
 * The characters of `--logit-bias` as the model numbers them.
 *
 * @throws FolioError `unknown_character`
 */
export function logitBias(options: SamplingFlags, alphabet: Alphabet): Record<string, unknown> {
  if (options.logitBias === undefined) return {};
  const bias = options.logitBias.map(([character, value]) => {
    const id = alphabet.idOf(character);
    if (id !== undefined) return [id, value];
    throw new FolioError(
      'unknown_character',
      `logit-bias: the model does not know ${JSON.stringify(character)}.`,
      {
        where: 'logit-bias',
        received: JSON.stringify(character),
      },
    );
  });
  return { logit_bias: Object.fromEntries(bias) };
}
