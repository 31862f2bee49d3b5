import { type CardSource, CompletionCard } from './completion-card.ts';
import { byId, messageOf, notice, speak } from './dom.ts';
import type { GenerationEvent, GenerationSettings, State } from './generation.ts';
import { Inspector } from './inspector.ts';
import { typewriter } from './typewriter.ts';

/** Letters a second and completion: quick, and still seen to come. */
const swift = 320;

const pace = (): number =>
  matchMedia('(prefers-reduced-motion: reduce)').matches ? Number.POSITIVE_INFINITY : swift;

/** Where the writing is done: runs a request, shows its leaves, stops, continues, branches. */
export class Controller {
  readonly #leaves = byId('leaves', HTMLDivElement);
  readonly #generate = byId('generate', HTMLButtonElement);
  readonly #stop = byId('stop', HTMLButtonElement);
  readonly #inspector: Inspector;
  readonly #settings: () => GenerationSettings;
  #running: AbortController | undefined;
  #latest: CardSource | undefined;

  /** @param settings What the margin says now */
  constructor(settings: () => GenerationSettings) {
    this.#settings = settings;
    this.#inspector = new Inspector((leaf, at, instead) => {
      leaf.cut(at, instead);
      void this.#goOn(leaf);
    });
    this.#stop.addEventListener('click', () => this.stop());
  }

  /** What made the latest text: the link and the snippets make it again. */
  get latest(): CardSource | undefined {
    return this.#latest;
  }

  stop(): void {
    this.#running?.abort();
  }

  run(origin: CardSource): Promise<void> {
    this.stop();
    this.#inspector.close();
    const leaves = Array.from({ length: origin.request.n }, (_, place) => {
      const leaf = new CompletionCard(place, origin, (self) => void this.#proceed(self));
      this.#inspector.watch(leaf);
      return leaf;
    });
    this.#leaves.replaceChildren(...leaves.map(({ element }) => element));
    this.#leaves.dataset.count = String(leaves.length);
    byId('legend', HTMLParagraphElement).hidden = false;
    this.#leaves.scrollIntoView({ block: 'nearest' });
    return this.#print(origin, leaves);
  }

  /** Goes on where the leaf ends, exactly as one longer request would have, if its state is known. */
  async #proceed(leaf: CompletionCard): Promise<void> {
    const { origin, state } = leaf;
    if (state === undefined) return this.#goOn(leaf);
    const { length } = this.#settings();
    leaf.origin = { ...origin, request: { ...origin.request, length: origin.request.length + length } };
    await this.#print(leaf.origin, [leaf], { ...origin.request, prompt: '', n: 1, length }, state);
  }

  /** Takes all that stands on the leaf for the beginning of a new text. */
  async #goOn(leaf: CompletionCard): Promise<void> {
    leaf.origin = { ...leaf.origin, request: { ...this.#settings(), prompt: leaf.whole, n: 1 } };
    await this.#print(leaf.origin, [leaf]);
  }

  async #print(
    origin: CardSource,
    leaves: readonly CompletionCard[],
    request: GenerationSettings = origin.request,
    from?: State,
  ): Promise<void> {
    this.stop();
    const running = new AbortController();
    this.#running = running;
    this.#latest = origin;
    notice('notice', undefined);
    this.#show(leaves, true);
    try {
      const events = origin.press.generate(request, running.signal, from);
      for await (const event of typewriter(events, pace(), running.signal)) this.#deliver(leaves, event);
      if (running.signal.aborted) throw running.signal.reason;
      speak(`${leaves.length === 1 ? 'The text is' : 'The texts are'} there.`);
    } catch (error) {
      if (!running.signal.aborted) {
        notice('notice', messageOf(error));
      }
      for (const leaf of leaves) leaf.breakOff();
    } finally {
      if (this.#running === running) this.#show(leaves, false);
      else for (const leaf of leaves) leaf.busy = false;
    }
  }

  #deliver(leaves: readonly CompletionCard[], event: GenerationEvent): void {
    if (event.kind === 'receipt') for (const leaf of leaves) leaf.take(event);
    else leaves[event.index]?.take(event);
  }

  #show(leaves: readonly CompletionCard[], busy: boolean): void {
    for (const leaf of leaves) leaf.busy = busy;
    const focused = document.activeElement === (busy ? this.#generate : this.#stop);
    this.#generate.hidden = busy;
    this.#stop.hidden = !busy;
    if (focused) (busy ? this.#stop : this.#generate).focus();
  }
}
