import type { GeneratedCharacter } from './generation.ts';
import { bits, named } from './surprise.ts';

/** What a leaf says of itself below its text. */
export interface Facts {
  readonly model: string; // NAME@VERSION
  readonly seed: number;
  readonly place: string; // 'on the server' or 'in this browser'
  readonly letters: readonly GeneratedCharacter[];
  /** Letters that were made in how many milliseconds, once that is known. */
  readonly made?: { readonly letters: number; readonly milliseconds: number };
  readonly reason?: string;
  readonly overlap?: { readonly characters: number; readonly exact: boolean };
  readonly replaced?: readonly { readonly character: string; readonly by: string }[];
}

const reasons: Readonly<Record<string, string>> = {
  stop: 'came to where it should stop',
  aborted: 'stopped',
};

const quotation = ({ characters, exact }: NonNullable<Facts['overlap']>): string =>
  characters === 0
    ? 'quotes nothing of its corpus'
    : `longest quotation ${exact ? '' : 'at most '}${characters} letters`;

const replacement = ({ character, by }: { character: string; by: string }): string =>
  by === '' ? `${named(character)} left out` : `${named(character)} read as ${named(by)}`;

/** The facts that are known, as one line. */
export const receiptLine = ({
  model,
  seed,
  place,
  letters,
  made,
  reason,
  overlap,
  replaced,
}: Facts): string => {
  const surprise = letters.reduce((sum, { logprob }) => sum + bits(logprob), 0) / letters.length;
  const parts = [
    model,
    `seed ${seed}`,
    `${letters.length} letters ${place}`,
    made && made.milliseconds > 0
      ? `${Math.round((1000 * made.letters) / made.milliseconds).toLocaleString('en')} a second`
      : undefined,
    letters.length > 0 ? `${surprise.toFixed(2)} bits a letter` : undefined,
    overlap && quotation(overlap),
    ...[...new Set(replaced?.map(replacement))],
    reason === undefined ? undefined : reasons[reason],
  ];
  return parts.filter((part) => part !== undefined).join(' · ');
};
