import type { Backend, ModelChoice } from './backend.ts';
import { copyFrom } from './clipboard.ts';
import { fromTemplate, make, within } from './dom.ts';
import type {
  ContinuationState,
  GeneratedCharacter,
  GenerationEvent,
  GenerationSettings,
} from './generation.ts';
import { type ReceiptFields, receiptLine } from './receipt.ts';
import { shade } from './surprise.ts';

/** What makes a text: backend, model, and the settings that give the whole of it again. */
export interface GenerationSource {
  readonly backend: Backend;
  readonly model: ModelChoice;
  readonly settings: GenerationSettings;
}

/** One completion: the prompt, each generated character, and the receipt. */
export class CompletionCard {
  readonly element: HTMLElement;
  readonly text: HTMLElement;
  /** The text in one piece for screen readers; the elements of single characters are for the eye. */
  readonly #spoken = make('p', { className: 'visually-hidden' });
  readonly #shown = make('div', { ariaHidden: 'true' });
  readonly #receipt: HTMLElement;
  readonly #continueButton: HTMLButtonElement;
  readonly #prompt: string;
  #characters: GeneratedCharacter[] = [];
  #spans: HTMLElement[] = [];
  #state: ContinuationState | undefined;
  #generated = { characters: 0, milliseconds: 0 };
  #ending: Pick<ReceiptFields, 'reason' | 'overlap' | 'choiceScores' | 'replaced'> = {};
  source: GenerationSource;

  /**
   * @param index Which of the completions, from 0.
   * @param onContinue Called when the text is to be continued at its end.
   */
  constructor(index: number, source: GenerationSource, onContinue: (card: CompletionCard) => void) {
    const fragment = fromTemplate('completion-template');
    this.element = within(fragment, '.completion', HTMLElement);
    this.text = within(fragment, '.text', HTMLElement);
    this.#receipt = within(fragment, '.receipt', HTMLElement);
    this.#continueButton = within(fragment, '[data-do=continue]', HTMLButtonElement);
    this.source = source;
    this.#prompt = source.settings.prompt;
    const name = `completion ${index + 1}`;
    within(fragment, 'h3', HTMLElement).textContent = `Completion ${index + 1}`;
    this.#shown.append(make('span', { className: 'prompt' }, this.#prompt));
    this.text.append(this.#spoken, this.#shown);
    this.text.role = 'group';
    this.text.tabIndex = 0;
    this.text.ariaLabel = `Text of ${name}. Use the arrow keys to go through its characters; Enter lists alternatives.`;
    this.#continueButton.ariaLabel = `Continue ${name}`;
    this.#continueButton.addEventListener('click', () => onContinue(this));
    const copy = within(fragment, '[data-do=copy]', HTMLButtonElement);
    copy.ariaLabel = `Copy text of ${name}`;
    copy.addEventListener('click', () => void copyFrom(copy, this.whole, 'Copy it by hand'));
  }

  get characters(): readonly GeneratedCharacter[] {
    return this.#characters;
  }

  /** Prompt and generated text. */
  get whole(): string {
    return this.#prompt + this.#characters.map(({ character }) => character).join('');
  }

  get state(): ContinuationState | undefined {
    return this.#state;
  }

  span(at: number): HTMLElement | undefined {
    return this.#spans[at];
  }

  /** Which character an element of the text shows. */
  indexOf(target: EventTarget | null): number | undefined {
    const index = target instanceof HTMLElement ? this.#spans.indexOf(target) : -1;
    return index < 0 ? undefined : index;
  }

  set busy(busy: boolean) {
    this.element.ariaBusy = String(busy);
    this.#continueButton.disabled = busy;
    if (!busy) return;
    this.#state = undefined;
    this.#ending = {};
  }

  /** Keeps the characters before this one, and appends another one if given. */
  cut(at: number, replacement?: GeneratedCharacter): void {
    this.#characters = this.#characters.slice(0, at);
    for (const span of this.#spans.splice(at)) span.remove();
    this.#state = undefined;
    this.#generated = { characters: 0, milliseconds: 0 };
    if (replacement) this.#append([replacement]);
  }

  handle(event: GenerationEvent): void {
    const { characters, milliseconds } = this.#generated;
    if (event.kind === 'characters') {
      this.#generated = { characters: characters + event.characters.length, milliseconds };
      this.#append(event.characters);
      return;
    }
    if (event.kind === 'end') {
      const { reason: ended, stopReason, overlap, choiceScores, state } = event;
      const isNamed = ['pattern', 'choice', 'banned', 'copy_guard'].includes(stopReason ?? '');
      const reason = isNamed ? stopReason! : ended;
      this.#state = state;
      this.#ending = {
        ...this.#ending,
        reason,
        ...(overlap === undefined ? {} : { overlap }),
        ...(choiceScores === undefined ? {} : { choiceScores }),
      };
    } else {
      this.#generated = { characters, milliseconds: milliseconds + event.milliseconds };
      this.#ending = { ...this.#ending, replaced: event.replaced };
    }
    this.#showReceipt();
  }

  /** Says on the receipt that the text was stopped before its end. */
  markStopped(): void {
    this.#ending = { ...this.#ending, reason: 'aborted' };
    this.#showReceipt();
  }

  #append(characters: readonly GeneratedCharacter[]): void {
    const spans = characters.map(({ character, logprob }) =>
      make('span', { className: `character s${shade(logprob)}` }, character),
    );
    this.#characters.push(...characters);
    this.#spans.push(...spans);
    this.#shown.append(...spans);
  }

  #showReceipt(): void {
    const { backend, model, settings } = this.source;
    this.#spoken.textContent = this.whole;
    this.#receipt.textContent = receiptLine({
      model: model.id,
      seed: settings.seed,
      place: backend.place,
      characters: this.#characters,
      generated: this.#generated,
      ...this.#ending,
    });
  }
}
