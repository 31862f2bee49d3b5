import { formatCount, formatDecimal, formatInteger, formatPercent } from './format.ts';
import type { GeneratedCharacter } from './generation.ts';
import { bits, characterName } from './surprise.ts';

/** What the line below a text says. */
export interface ReceiptFields {
  readonly model: string; // NAME@VERSION
  readonly seed: number;
  readonly place: string; // 'on the server' or 'in this browser'
  readonly characters: readonly GeneratedCharacter[];
  /** Characters that were generated in how many milliseconds, once that is known. */
  readonly generated?: { readonly characters: number; readonly milliseconds: number };
  readonly reason?: string;
  readonly overlap?: { readonly characters: number; readonly exact: boolean };
  readonly choiceScores?: readonly { readonly text: string; readonly probability: number }[];
  readonly replaced?: readonly { readonly character: string; readonly by: string }[];
}

const reasons: Readonly<Record<string, string>> = {
  stop: 'reached its stop text',
  pattern: 'its pattern is complete',
  choice: 'one of the choices',
  banned: 'the banned texts left nothing to go on with',
  copy_guard: 'the copy guard left nothing to go on with',
  aborted: 'stopped',
};

const quotation = ({ characters, exact }: NonNullable<ReceiptFields['overlap']>): string =>
  characters === 0
    ? 'quotes nothing from its corpus'
    : `longest quotation ${exact ? '' : 'at most '}${formatCount(characters, 'character')}`;

const replacement = ({ character, by }: { character: string; by: string }): string =>
  by === ''
    ? `${characterName(character)} left out`
    : `${characterName(character)} read as ${characterName(by)}`;

/** The likeliest texts, of those that could be chosen. */
const likeliest = (scores: NonNullable<ReceiptFields['choiceScores']>): string => {
  const shown = scores.toSorted((a, b) => b.probability - a.probability).slice(0, 5);
  const listed = shown.map(({ text, probability }) => `“${text}” ${formatPercent(probability)}`);
  return `${listed.join(', ')}${scores.length > shown.length ? ', and others' : ''}`;
};

/** The fields that are known, as one line. */
export const receiptLine = ({
  model,
  seed,
  place,
  characters,
  generated,
  reason,
  overlap,
  choiceScores,
  replaced,
}: ReceiptFields): string => {
  const surprise = characters.reduce((sum, { logprob }) => sum + bits(logprob), 0) / characters.length;
  const parts = [
    model,
    `seed ${seed}`,
    `${formatCount(characters.length, 'character')} ${place}`,
    generated && generated.milliseconds > 0
      ? `${formatInteger((1000 * generated.characters) / generated.milliseconds)} characters/s`
      : undefined,
    characters.length > 0 ? `${formatDecimal(surprise, 2)} bits/character` : undefined,
    overlap && quotation(overlap),
    choiceScores && likeliest(choiceScores),
    ...[...new Set(replaced?.map(replacement))],
    reason === undefined ? undefined : reasons[reason],
  ];
  return parts.filter((part) => part !== undefined).join(' · ');
};
