/** What was found in a corpus before training on it. Plain JSON. */
export interface PreflightReport {
  readonly source: string;
  readonly digest: string; // sha256:… over the bytes as read
  readonly bytes: number;
  readonly characters: number; // as they will be trained on
  /** In id order. */
  readonly alphabet: readonly { readonly character: string; readonly count: number }[];
  readonly findings: readonly Finding[];
}

export interface Finding {
  readonly severity: 'note' | 'warning';
  /** Stable, for machines: `byte_order_mark`, `duplicates`, `secrets` … */
  readonly code: string;
  readonly message: string;
}
