import { make } from './dom.ts';
import { formatCount } from './format.ts';
import { type GenerationSettings, linesOf, noForm } from './generation.ts';

/** A model's alphabet in id order; undefined where it is not known. */
export type AlphabetSource = () => Promise<readonly string[] | undefined>;

/** The settings that say what a whole text is; at most one of them is not empty. */
type FormSettings = Pick<GenerationSettings, 'pattern' | 'choices' | 'jsonSchema'>;

type Form = keyof FormSettings;

/** What a text may be held to, and what is said of that while nothing is typed. */
const forms: Readonly<Record<Form, { readonly label: string; readonly idle: string }>> = {
  pattern: {
    label: 'matches a pattern',
    idle: 'A regular expression that the whole text will match.',
  },
  choices: {
    label: 'is one of several texts',
    idle: 'One text a line. One of them is drawn by how likely the model finds it.',
  },
  jsonSchema: {
    label: 'is JSON of a schema',
    idle: 'A JSON schema that the text will fit, such as {"type": "integer"}.',
  },
};

/** What the page proposes. */
const examples: readonly (readonly [pattern: string, what: string])[] = [
  ['(?:[^\\n]{20,50}\\n){4}', 'four lines'],
  ['[A-Z][a-z]+ of [A-Z][a-z]+', 'a name'],
  ['[A-Z]{2,3}-[a-z]{4}', 'a code'],
  ['(?i:yes|no), [^.!?\\n]{10,80}[.!?]', 'an answer with its reason'],
  ['\\d{4}-\\d\\d-\\d\\d', 'a date'],
  ['\\{"name": "[A-Za-z ]{3,20}", "age": \\d{1,2}\\}', 'a line of JSON'],
];

interface Verdict {
  readonly text: string;
  readonly isUsable: boolean;
}

const usable = (text: string): Verdict => ({ text, isUsable: true });
const unusable = (text: string): Verdict => ({ text, isUsable: false });

/** What is to be said of a form, and whether it can be used. */
const verdictOf = async (
  form: Form,
  value: string,
  length: number,
  alphabet: readonly string[] | undefined,
): Promise<Verdict> => {
  const { idle } = forms[form];
  if (value.trim() === '' && form !== 'pattern') return usable(idle);
  if (value === '') return usable(idle);
  return form === 'choices'
    ? ofChoices(linesOf(value), length, alphabet)
    : ofPattern(form, value, length, alphabet);
};

const ofChoices = (
  texts: readonly string[],
  length: number,
  alphabet: readonly string[] | undefined,
): Verdict => {
  if (new Set(texts).size < texts.length) return unusable('Each text may stand there once.');
  const longest = Math.max(...texts.map((text) => [...text].length));
  if (longest > length)
    return unusable(`The longest has ${formatCount(longest, 'character')}, more than the length.`);
  const foreign = [...new Set(texts.join(''))].filter((character) => alphabet?.includes(character) === false);
  if (foreign.length > 0)
    return unusable(`The alphabet of this model has no ${foreign.slice(0, 5).join(' ')}.`);
  return usable(texts.length === 1 ? 'The text will be this.' : `The text will be one of ${texts.length}.`);
};

const ofPattern = async (
  form: 'pattern' | 'jsonSchema',
  value: string,
  length: number,
  alphabet: readonly string[] | undefined,
): Promise<Verdict> => {
  const { compilePattern } = await import('../pattern/compile-pattern.ts');
  const syntax = form === 'pattern' ? 'regular-expression' : 'json-schema';
  if (form === 'jsonSchema' && !isJson(value)) return unusable('This is not JSON yet.');
  const { automaton, foreign, fault } = compilePattern(value, '', alphabet ?? [], undefined, syntax);
  const what = form === 'pattern' ? 'The pattern' : 'The schema';
  if (fault !== undefined)
    return unusable(`${what} ${fault.kind === 'limit' ? '' : 'is not valid: '}${fault.message}.`);
  if (alphabet === undefined) return usable(forms[form].idle);
  const { distance } = automaton.start;
  if (distance <= length) {
    const does = form === 'pattern' ? 'match' : 'fit';
    return usable(`The text will ${does}. The shortest that does has ${formatCount(distance, 'character')}.`);
  }
  return unusable(
    Number.isFinite(distance)
      ? `The shortest text that matches has ${formatCount(distance, 'character')}, more than the length.`
      : `No text over the alphabet of this model matches${foreign.length === 0 ? '' : `: it has no ${foreign.slice(0, 5).join(' ')}`}.`,
  );
};

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** What a text is held to: nothing, or one form of several, whose field is checked while it is typed. */
export class FormField {
  readonly element: HTMLElement;
  readonly #choice: HTMLSelectElement;
  readonly #fields: Readonly<Record<Form, HTMLInputElement | HTMLTextAreaElement>>;
  readonly #hint = make('p', { id: 'pattern-hint', className: 'hint' });
  readonly #alphabet: AlphabetSource;
  readonly #length: () => number;
  #checks = 0;

  /** @param length Characters that the text may have now. */
  constructor(alphabet: AlphabetSource, length: () => number) {
    this.#alphabet = alphabet;
    this.#length = length;
    this.#choice = make(
      'select',
      { id: 'form' },
      make('option', { value: '' }, 'is free'),
      ...Object.entries(forms).map(([value, { label }]) => make('option', { value }, label)),
    );
    const attributes = { 'aria-describedby': 'pattern-hint', autocapitalize: 'off' };
    const area = (id: string, label: string) =>
      make('textarea', { id, rows: 3, spellcheck: false, ariaLabel: label, attributes });
    this.#fields = {
      pattern: make('input', {
        id: 'pattern',
        autocomplete: 'off',
        spellcheck: false,
        ariaLabel: 'Pattern',
        attributes: { ...attributes, list: 'pattern-examples' },
      }),
      choices: area('choices', 'Texts, one a line'),
      jsonSchema: area('json-schema', 'JSON schema'),
    };
    const fields = Object.values(this.#fields);
    for (const field of fields) field.addEventListener('input', () => void this.check());
    this.#choice.addEventListener('change', () => {
      this.#show();
      if (this.#form !== undefined) this.#fields[this.#form].focus();
    });
    this.element = make(
      'div',
      { className: 'line' },
      make('label', { htmlFor: 'form' }, 'The text'),
      this.#choice,
      ...fields,
      make(
        'datalist',
        { id: 'pattern-examples' },
        ...examples.map(([value, what]) => make('option', { value }, what)),
      ),
      this.#hint,
    );
    this.#show();
  }

  get #form(): Form | undefined {
    return (this.#choice.value as Form | '') || undefined;
  }

  read(): FormSettings {
    const form = this.#form;
    return form === undefined ? noForm : { ...noForm, [form]: this.#fields[form].value };
  }

  write(settings: FormSettings): void {
    const given = (Object.keys(forms) as Form[]).find((form) => settings[form] !== '');
    this.#choice.value = given ?? '';
    if (given !== undefined) this.#fields[given].value = settings[given];
    this.#show();
  }

  #show(): void {
    for (const [form, field] of Object.entries(this.#fields)) field.hidden = form !== this.#form;
    this.#hint.hidden = this.#form === undefined;
    void this.check();
  }

  /** Says what the form does; to be called when model or length have changed, too. */
  async check(): Promise<void> {
    const check = ++this.#checks;
    const form = this.#form;
    if (form === undefined) return;
    const { value } = this.#fields[form];
    const alphabet = value === '' ? undefined : await this.#alphabet();
    const { text, isUsable } = await verdictOf(form, value, this.#length(), alphabet);
    if (check !== this.#checks) return; // typed on meanwhile
    this.#hint.textContent = text;
    this.#fields[form].ariaInvalid = String(!isUsable);
  }
}
