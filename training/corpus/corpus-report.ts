import type { Duplicates } from './duplicates.ts';
import type { Estimate } from './estimate.ts';
import type { CorpusKind } from './lines.ts';
import type { RareCharacters } from './rare-characters.ts';
import type { Skipped } from './sources.ts';
import type { TextDamage } from './text-damage.ts';
import type { TextShape } from './text-shape.ts';

/** What was found in a corpus before training on it. Plain JSON. */
export interface CorpusReport {
  readonly source: string;
  readonly digest: string; // sha256:… over the bytes as read
  readonly files: number;
  /** Files in folders and globs that were left out, as they are not text. */
  readonly skipped: readonly string[];
  /** The same with what each is. */
  readonly skippedFiles: readonly Skipped[];
  readonly bytes: number;
  /** Of the files: a label of the Encoding Standard, or `cesu-8`. */
  readonly encoding: string;
  readonly characters: number; // as they are trained on
  /** In id order, with occurrences. */
  readonly alphabet: readonly { readonly character: string; readonly count: number }[];
  readonly byteOrderMarks: number;
  readonly newlines: { readonly lf: number; readonly crlf: number; readonly cr: number };
  readonly controls: readonly { readonly character: string; readonly count: number }[];
  readonly rare: Omit<RareCharacters, 'fold'>;
  /** Of a list, lines that stood before; otherwise passages of 64 characters. */
  readonly duplicates: Duplicates & { readonly unit: 'line' | 'passage' };
  /** Of the text, or of an even choice of it beyond eight million characters. */
  readonly shape: TextShape;
  readonly damage: TextDamage;
  /** As it was asked for, or as it was found. Lines are shuffled before the last tenth is held out. */
  readonly kind: CorpusKind;
  /** Files such as LICENSE or README. */
  readonly licences: readonly string[];
  readonly secrets: readonly {
    readonly code: string;
    readonly name: string;
    readonly count: number;
    readonly source: string; // of the first
    readonly line: number; // of the first
  }[];
  readonly estimate: Estimate;
  readonly findings: readonly CorpusWarning[];
}

export interface CorpusWarning {
  readonly severity: 'note' | 'warning';
  /** Stable, for machines: `byte_order_mark`, `duplicates`, `secrets` … */
  readonly code: string;
  readonly message: string;
}
