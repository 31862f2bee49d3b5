import { describeValue, FolioError, unexpected } from '../../errors.ts';
import type { Automaton, Position, SavedPosition } from '../../pattern/automaton.ts';
import type { PatternSyntax } from '../../pattern/compile-pattern.ts';
import type { Alphabet } from '../format/alphabet.ts';
import { isObject } from '../format/invalid.ts';

/** A regular expression of JavaScript: a RegExp is one. Or a schema, as JSON. */
export interface PatternSource {
  readonly source: string;
  readonly flags: string;
  readonly syntax?: PatternSyntax;
}

/** A pattern ready for texts of one model. */
export interface Pattern extends PatternSource {
  readonly automaton: Automaton;
  /** Why no text at all may match, as the end of a sentence; '' where there is nothing to say. */
  readonly remark: string;
}

/** A text's place in its pattern, as a state carries it. */
export interface SavedPattern extends SavedPosition, PatternSource {}

/** The patterns of each alphabet that were used last, oldest first; with them go the states that texts came to. */
const recent = new WeakMap<Alphabet, Map<string, Pattern>>();
const MOST_RECENT = 8;

const shown = ({ source, flags, syntax }: PatternSource): string => {
  const whole = syntax === 'json-schema' ? 'the schema' : `/${source}/${flags}`;
  return whole.length > 80 ? `${whole.slice(0, 79)}…` : whole;
};

/**
 * Makes a pattern ready. What parses it is loaded when the first one is.
 *
 * @param pattern What the whole text is to match: a regular expression of JavaScript, without look-around and
 * back-references, or a schema.
 * @param allowed [vocabulary], 0 for ids that are never generated
 * @throws FolioError `invalid_parameter`; `limit_exceeded` for a pattern that is too large
 */
export const preparePattern = async (
  pattern: string | PatternSource,
  alphabet: Alphabet,
  allowed: Uint8Array | undefined,
): Promise<Pattern> => {
  const given = typeof pattern === 'string' ? { source: pattern, flags: '' } : pattern;
  const key = `${whereOf(given)}/${given.flags}/${allowed?.join('') ?? ''}/${given.source}`;
  const known = recent.get(alphabet) ?? new Map<string, Pattern>();
  const prepared = known.get(key) ?? (await compile(given, alphabet, allowed));
  known.delete(key);
  known.set(key, prepared);
  for (const oldest of known.size > MOST_RECENT ? [...known.keys()].slice(0, 1) : []) known.delete(oldest);
  recent.set(alphabet, known);
  return prepared;
};

/** The option that a pattern came with. */
const whereOf = ({ syntax }: PatternSource): string => (syntax === 'json-schema' ? 'json_schema' : 'pattern');

const compile = async (
  { source, flags: given, syntax = 'regular-expression' }: PatternSource,
  alphabet: Alphabet,
  allowed: Uint8Array | undefined,
): Promise<Pattern> => {
  const flags = given.replace(/[dguy]/g, '');
  const where = whereOf({ source, flags, syntax });
  if (alphabet.kind === 'ids') {
    throw unexpected('invalid_parameter', where, 'a model with an alphabet', 'one that speaks in ids');
  }
  const { compilePattern } = await import('../../pattern/compile-pattern.ts');
  const compiled = (own: string) => compilePattern(source, own, alphabet.characters, allowed, syntax);
  const { automaton, foreign, fault } = compiled(flags);
  if (fault?.kind === 'limit') {
    throw new FolioError(
      'limit_exceeded',
      `${where}: ${shown({ source, flags, syntax })} ${fault.message}.`,
      { where },
    );
  }
  if (fault !== undefined) {
    const message =
      syntax === 'json-schema'
        ? `${where}: ${fault.message}.`
        : `${where}: expected a regular expression as JavaScript has it, without look-around and back-references, received ${describeValue(source)}: ${fault.message}.`;
    throw new FolioError('invalid_parameter', message, { where });
  }
  let remark = '';
  if (!Number.isFinite(automaton.start.distance)) {
    const ignoringCase =
      syntax === 'regular-expression' && !flags.includes('i') ? compiled(`${flags}i`).automaton : undefined;
    remark = [
      ...(foreign.length === 0
        ? []
        : [`; the alphabet has no ${foreign.slice(0, 5).map(describeValue).join(', ')}`]),
      ...(ignoringCase !== undefined && Number.isFinite(ignoringCase.start.distance)
        ? ['; ignoring case (flag i), some do']
        : []),
    ].join('');
  }
  return { source, flags, syntax, automaton, remark };
};

const isSavedPattern = (value: unknown): value is SavedPattern =>
  isObject(value) &&
  value.format === 1 &&
  typeof value.source === 'string' &&
  typeof value.flags === 'string' &&
  Array.isArray(value.states) &&
  value.states.every((state) => Number.isSafeInteger(state) && state >= 0) &&
  Number.isSafeInteger(value.before);

/**
 * Where a text begins in its pattern: where the state that it goes on from stopped in the same one, or at its beginning.
 *
 * @param length Characters that the text may have at most.
 * @throws FolioError `pattern_impossible` where no text of that length matches, `state_mismatch`
 */
export const startOf = (pattern: Pattern, saved: unknown, length: number): Position => {
  const { source, flags, automaton, remark } = pattern;
  const isSaved = saved === undefined || isSavedPattern(saved);
  const same =
    isSaved &&
    saved !== undefined &&
    saved.source === source &&
    saved.flags === flags &&
    whereOf(saved) === whereOf(pattern);
  const start = same ? automaton.restore(saved) : isSaved ? automaton.start : undefined;
  if (start === undefined) {
    throw new FolioError('state_mismatch', 'Expected a state of this pattern, received a damaged one.', {
      where: 'state',
    });
  }
  if (start.distance <= length) return start;
  const shortest = Number.isFinite(start.distance)
    ? `; the shortest that does has ${start.distance}`
    : remark;
  throw new FolioError(
    'pattern_impossible',
    `${whereOf(pattern)}: no text of at most ${length} characters over the model's alphabet matches ${shown(pattern)}${shortest}.`,
    { where: whereOf(pattern), received: shown(pattern) },
  );
};
