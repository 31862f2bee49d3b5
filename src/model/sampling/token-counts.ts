import type { DryPenalty } from './dry.ts';

/** What the penalties look at: how often each character was generated, which stood in the prompt, and what repeats. */
export class TokenCounts {
  readonly generated: Int32Array; // [vocabulary]
  readonly prompted: Uint8Array; // [vocabulary], 0 or 1
  readonly dry: DryPenalty | undefined;

  /** @param dry What the text so far repeats, where the request asks for that penalty. */
  constructor(vocabulary: number, dry?: DryPenalty) {
    this.dry = dry;
    this.generated = new Int32Array(vocabulary);
    this.prompted = new Uint8Array(vocabulary);
  }

  prompt(ids: Iterable<number>): void {
    for (const id of ids) this.prompted[id] = 1;
  }

  add(id: number): void {
    this.generated[id]!++;
    this.dry?.push(id);
  }

  /** Takes back an `add`, but for what repeats. */
  remove(id: number): void {
    this.generated[id]!--;
  }

  has(id: number): boolean {
    return this.generated[id]! > 0 || this.prompted[id] === 1;
  }
}
