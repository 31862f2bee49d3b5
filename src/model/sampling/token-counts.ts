/** What the penalties look at: how often each character was generated, and which stood in the prompt. */
export class TokenCounts {
  readonly generated: Int32Array; // [vocabulary]
  readonly prompted: Uint8Array; // [vocabulary], 0 or 1

  constructor(vocabulary: number) {
    this.generated = new Int32Array(vocabulary);
    this.prompted = new Uint8Array(vocabulary);
  }

  copy(): TokenCounts {
    const copy = new TokenCounts(this.generated.length);
    copy.generated.set(this.generated);
    copy.prompted.set(this.prompted);
    return copy;
  }

  prompt(ids: Iterable<number>): void {
    for (const id of ids) this.prompted[id] = 1;
  }

  add(id: number): void {
    this.generated[id]!++;
  }

  /** Takes back an `add`. */
  remove(id: number): void {
    this.generated[id]!--;
  }

  has(id: number): boolean {
    return this.generated[id]! > 0 || this.prompted[id] === 1;
  }
}
