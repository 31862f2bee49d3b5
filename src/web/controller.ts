import { CompletionCard, type GenerationSource } from './completion-card.ts';
import { announce, byId, messageOf, notice } from './dom.ts';
import {
  type ContinuationState,
  type GenerationEvent,
  type GenerationSettings,
  noForm,
} from './generation.ts';
import { Inspector } from './inspector.ts';
import { typewriter } from './typewriter.ts';

/** Characters a second and completion: fast, and slow enough to be seen arriving. */
const typingRate = 320;

const currentRate = (): number =>
  matchMedia('(prefers-reduced-motion: reduce)').matches ? Number.POSITIVE_INFINITY : typingRate;

/** Runs requests and shows their completions: starts, stops, continues, branches. */
export class Controller {
  readonly #completions = byId('completions', HTMLDivElement);
  readonly #generateButton = byId('generate', HTMLButtonElement);
  readonly #stopButton = byId('stop', HTMLButtonElement);
  readonly #inspector: Inspector;
  readonly #currentSettings: () => GenerationSettings;
  #running: AbortController | undefined;
  #latest: GenerationSource | undefined;

  /** @param currentSettings What the settings panel says now */
  constructor(currentSettings: () => GenerationSettings) {
    this.#currentSettings = currentSettings;
    this.#inspector = new Inspector((card, at, replacement) => {
      card.cut(at, replacement);
      void this.#continueWithText(card);
    });
    this.#stopButton.addEventListener('click', () => this.stop());
  }

  /** What made the latest text: the link and the snippets make it again. */
  get latest(): GenerationSource | undefined {
    return this.#latest;
  }

  stop(): void {
    this.#running?.abort();
  }

  run(source: GenerationSource): Promise<void> {
    this.stop();
    this.#inspector.close();
    const cards = Array.from({ length: source.settings.n }, (_, index) => {
      const card = new CompletionCard(index, source, (self) => void this.#continue(self));
      this.#inspector.watch(card);
      return card;
    });
    this.#completions.replaceChildren(...cards.map(({ element }) => element));
    this.#completions.dataset.count = String(cards.length);
    byId('legend', HTMLParagraphElement).hidden = false;
    // A phone has no room for the prompt and the text: the text is what was asked for.
    const isPhone = matchMedia('(max-width: 40rem) and (pointer: coarse)').matches;
    this.#completions.scrollIntoView({ block: isPhone ? 'start' : 'nearest' });
    return this.#generate(source, cards);
  }

  /** Continues at a completion's end, exactly as one longer request would have, if its state is known. */
  async #continue(card: CompletionCard): Promise<void> {
    const { source, state } = card;
    if (state === undefined) return this.#continueWithText(card);
    const { settings } = source;
    const { length } = this.#currentSettings();
    card.source = { ...source, settings: { ...settings, length: settings.length + length } };
    await this.#generate(card.source, [card], { ...settings, prompt: '', n: 1, length }, state);
  }

  /** Takes the whole text of a card as the prompt of a new one, which a form would begin anew: it goes on without. */
  async #continueWithText(card: CompletionCard): Promise<void> {
    const settings = { ...this.#currentSettings(), prompt: card.whole, n: 1, ...noForm };
    card.source = { ...card.source, settings };
    await this.#generate(card.source, [card]);
  }

  async #generate(
    source: GenerationSource,
    cards: readonly CompletionCard[],
    settings: GenerationSettings = source.settings,
    from?: ContinuationState,
  ): Promise<void> {
    this.stop();
    const running = new AbortController();
    const { signal } = running;
    this.#running = running;
    this.#latest = source;
    notice('notice', undefined);
    this.#setBusy(cards, true);
    try {
      const events = source.backend.generate(source.model, settings, { signal, from });
      for await (const event of typewriter(events, currentRate(), signal)) this.#deliver(cards, event);
      if (signal.aborted) throw signal.reason;
      announce(cards.length === 1 ? 'The text is complete.' : 'The texts are complete.');
    } catch (error) {
      if (!signal.aborted) notice('notice', messageOf(error));
      for (const card of cards) {
        card.markStopped();
        if (card.characters.length === 0 && !signal.aborted) card.element.remove();
      }
      byId('legend', HTMLParagraphElement).hidden = this.#completions.childElementCount === 0;
    } finally {
      if (this.#running === running) this.#setBusy(cards, false);
      else for (const card of cards) card.busy = false;
    }
  }

  #deliver(cards: readonly CompletionCard[], event: GenerationEvent): void {
    if (event.kind === 'receipt') for (const card of cards) card.handle(event);
    else cards[event.index]?.handle(event);
  }

  #setBusy(cards: readonly CompletionCard[], busy: boolean): void {
    for (const card of cards) card.busy = busy;
    const focused = document.activeElement === (busy ? this.#generateButton : this.#stopButton);
    this.#generateButton.hidden = busy;
    this.#stopButton.hidden = !busy;
    if (focused) (busy ? this.#stopButton : this.#generateButton).focus({ preventScroll: true });
  }
}
