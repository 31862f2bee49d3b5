import { make } from './dom.ts';
import { formatCount } from './format.ts';

/** A model's alphabet in id order; undefined where it is not known. */
export type AlphabetSource = () => Promise<readonly string[] | undefined>;

/** What the page proposes. */
const examples: readonly (readonly [pattern: string, what: string])[] = [
  ['(?:[^\\n]{20,50}\\n){4}', 'four lines'],
  ['[A-Z][a-z]+ of [A-Z][a-z]+', 'a name'],
  ['[A-Z]{2,3}-[a-z]{4}', 'a code'],
  ['(?i:yes|no), [^.!?\\n]{10,80}[.!?]', 'an answer with its reason'],
  ['\\d{4}-\\d\\d-\\d\\d', 'a date'],
  ['\\{"name": "[A-Za-z ]{3,20}", "age": \\d{1,2}\\}', 'a line of JSON'],
];

const idle = 'A regular expression that the whole text will match.';

/** What is to be said of a pattern, and whether it can be used. */
const verdictOf = async (
  pattern: string,
  length: number,
  alphabet: readonly string[] | undefined,
): Promise<{ readonly text: string; readonly isUsable: boolean }> => {
  if (pattern === '') return { text: idle, isUsable: true };
  const { compilePattern } = await import('../pattern/compile-pattern.ts');
  const { automaton, foreign, fault } = compilePattern(pattern, '', alphabet ?? []);
  if (fault !== undefined)
    return {
      text: `The pattern ${fault.kind === 'limit' ? '' : 'is not valid: '}${fault.message}.`,
      isUsable: false,
    };
  if (alphabet === undefined) return { text: idle, isUsable: true };
  const { distance } = automaton.start;
  if (distance <= length) {
    return {
      text: `The text will match. The shortest that does has ${formatCount(distance, 'character')}.`,
      isUsable: true,
    };
  }
  const reason = Number.isFinite(distance)
    ? `The shortest text that matches has ${formatCount(distance, 'character')}, more than the length.`
    : `No text over the alphabet of this model matches${foreign.length === 0 ? '' : `: it has no ${foreign.slice(0, 5).join(' ')}`}.`;
  return { text: reason, isUsable: false };
};

/** The field of the pattern, which is checked while it is typed. */
export class PatternField {
  readonly element: HTMLElement;
  readonly #input: HTMLInputElement;
  readonly #hint = make('p', { id: 'pattern-hint', className: 'hint' }, idle);
  readonly #alphabet: AlphabetSource;
  readonly #length: () => number;
  #checks = 0;

  /** @param length Characters that the text may have now. */
  constructor(alphabet: AlphabetSource, length: () => number) {
    this.#alphabet = alphabet;
    this.#length = length;
    this.#input = make('input', {
      id: 'pattern',
      autocomplete: 'off',
      spellcheck: false,
      attributes: { 'aria-describedby': 'pattern-hint', autocapitalize: 'off', list: 'pattern-examples' },
    });
    this.#input.addEventListener('input', () => void this.check());
    this.element = make(
      'div',
      { className: 'line' },
      make('label', { htmlFor: 'pattern' }, 'Pattern'),
      this.#input,
      make(
        'datalist',
        { id: 'pattern-examples' },
        ...examples.map(([value, what]) => make('option', { value }, what)),
      ),
      this.#hint,
    );
  }

  get value(): string {
    return this.#input.value;
  }

  set value(pattern: string) {
    this.#input.value = pattern;
    void this.check();
  }

  /** Says what the pattern does; to be called when model or length have changed, too. */
  async check(): Promise<void> {
    const check = ++this.#checks;
    const pattern = this.value;
    const alphabet = pattern === '' ? undefined : await this.#alphabet();
    const { text, isUsable } = await verdictOf(pattern, this.#length(), alphabet);
    if (check !== this.#checks) return; // typed on meanwhile
    this.#hint.textContent = text;
    this.#input.ariaInvalid = String(!isUsable);
  }
}
