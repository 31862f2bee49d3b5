import { copyFrom } from './clipboard.ts';
import { fromTemplate, make, within } from './dom.ts';
import type {
  Backend,
  GeneratedCharacter,
  GenerationEvent,
  GenerationSettings,
  State,
} from './generation.ts';
import { type Facts, receiptLine } from './receipt.ts';
import { shade } from './surprise.ts';

const ordinals = ['First', 'Second', 'Third', 'Fourth'];

/** What made a leaf: its press, its model, and the request that gives the whole of its text again. */
export interface CardSource {
  readonly press: Backend;
  readonly place: string; // 'on the server' or 'in this browser'
  readonly model: string;
  readonly request: GenerationSettings;
}

/** One completion on its sheet: the beginning that was given, and letter by letter what came. */
export class CompletionCard {
  readonly element: HTMLElement;
  readonly text: HTMLElement;
  /** The text in one piece for those who listen; the letters one by one are for the eye. */
  readonly #reading = make('p', { className: 'visually-hidden' });
  readonly #sheet = make('div', { ariaHidden: 'true' });
  readonly #receipt: HTMLElement;
  readonly #proceed: HTMLButtonElement;
  #letters: GeneratedCharacter[] = [];
  #spans: HTMLElement[] = [];
  #given = '';
  #state: State | undefined;
  #made = { letters: 0, milliseconds: 0 };
  #ending: Pick<Facts, 'reason' | 'overlap' | 'replaced'> = {};
  origin: CardSource;

  /**
   * @param place Which of the completions, from 0.
   * @param proceed Asked for when the text shall go on from its end.
   */
  constructor(place: number, origin: CardSource, proceed: (leaf: CompletionCard) => void) {
    const fragment = fromTemplate('leaf-template');
    this.element = within(fragment, '.leaf', HTMLElement);
    this.text = within(fragment, '.text', HTMLElement);
    this.#receipt = within(fragment, '.receipt', HTMLElement);
    this.#proceed = within(fragment, '[data-do=continue]', HTMLButtonElement);
    this.origin = origin;
    const name = ordinals[place] ?? String(place + 1);
    within(fragment, 'h3', HTMLElement).textContent = name;
    // As leaves are counted in manuscripts: each has a front (recto) and a back (verso).
    within(fragment, '.folio-number', HTMLElement).textContent =
      `f. ${Math.floor(place / 2) + 1}${place % 2 === 0 ? 'r' : 'v'}`;
    this.text.append(this.#reading, this.#sheet);
    this.text.role = 'group';
    this.text.tabIndex = 0;
    this.text.ariaLabel = `${name} completion. Step through its letters with the arrow keys; Enter offers alternatives.`;
    this.#proceed.ariaLabel = `Continue the ${name.toLowerCase()} completion`;
    this.#proceed.addEventListener('click', () => proceed(this));
    const copy = within(fragment, '[data-do=copy]', HTMLButtonElement);
    copy.ariaLabel = `Copy the text of the ${name.toLowerCase()} completion`;
    copy.addEventListener('click', () => void copyFrom(copy, this.whole, 'Select it by hand'));
    this.#begin(origin.request.prompt);
  }

  get letters(): readonly GeneratedCharacter[] {
    return this.#letters;
  }

  /** Beginning and continuation. */
  get whole(): string {
    return this.#given + this.written;
  }

  get written(): string {
    return this.#letters.map(({ character }) => character).join('');
  }

  get state(): State | undefined {
    return this.#state;
  }

  span(at: number): HTMLElement | undefined {
    return this.#spans[at];
  }

  /** Which letter an element of the text is. */
  placeOf(target: EventTarget | null): number | undefined {
    const place = target instanceof HTMLElement ? this.#spans.indexOf(target) : -1;
    return place < 0 ? undefined : place;
  }

  set busy(busy: boolean) {
    this.element.ariaBusy = String(busy);
    this.#proceed.disabled = busy;
    if (!busy) return;
    this.#state = undefined;
    this.#ending = {};
  }

  /** Keeps the letters before this place, and writes another one there if given. */
  cut(at: number, instead?: GeneratedCharacter): void {
    this.#letters = this.#letters.slice(0, at);
    for (const span of this.#spans.splice(at)) span.remove();
    this.#state = undefined;
    this.#made = { letters: 0, milliseconds: 0 };
    if (instead) this.#write([instead]);
  }

  take(event: GenerationEvent): void {
    const { letters, milliseconds } = this.#made;
    if (event.kind === 'letters') {
      this.#made = { letters: letters + event.letters.length, milliseconds };
      this.#write(event.letters);
      return;
    }
    if (event.kind === 'end') {
      const { reason, overlap, state } = event;
      this.#state = state;
      this.#ending = { ...this.#ending, reason, ...(overlap === undefined ? {} : { overlap }) };
    } else {
      this.#made = { letters, milliseconds: milliseconds + event.milliseconds };
      this.#ending = { ...this.#ending, replaced: event.replaced };
    }
    this.#sign();
  }

  /** Says how it came to an end before its time. */
  breakOff(): void {
    this.#ending = { ...this.#ending, reason: 'aborted' };
    this.#sign();
  }

  #begin(given: string): void {
    this.#given = given;
    this.#sheet.append(make('span', { className: 'given' }, given));
  }

  #write(letters: readonly GeneratedCharacter[]): void {
    const spans = letters.map(({ character, logprob }) =>
      make('span', { className: `letter s${shade(logprob)}` }, character),
    );
    this.#letters.push(...letters);
    this.#spans.push(...spans);
    this.#sheet.append(...spans);
  }

  #sign(): void {
    const { model, request, place } = this.origin;
    this.#reading.textContent = this.whole;
    this.#receipt.textContent = receiptLine({
      model,
      seed: request.seed,
      place,
      letters: this.#letters,
      made: this.#made,
      ...this.#ending,
    });
  }
}
