import type { CompletionCard } from './completion-card.ts';
import { byId, make, speak } from './dom.ts';
import type { Alternative, GeneratedCharacter } from './generation.ts';
import { bits, named, percent } from './surprise.ts';

/** Asked for when a text shall go on from a letter, or from another one in its place. */
export type Branch = (leaf: CompletionCard, at: number, instead?: GeneratedCharacter) => void;

const sentence = (letter: GeneratedCharacter): string => {
  const others = letter.top.filter(({ character }) => character !== letter.character).slice(0, 3);
  const list = others.map(({ character, logprob }) => `${named(character)} ${percent(logprob)}`).join(', ');
  return `${named(letter.character)}, ${percent(letter.logprob)}. Instead: ${list}.`;
};

/** The small card beside a letter: how surprising it is, what else might have come, and the way on from here. */
export class Inspector {
  readonly #card = byId('inspector', HTMLDivElement);
  readonly #branch: Branch;
  #leaf: CompletionCard | undefined;
  #at = 0;
  #pinned = false;
  #closing: ReturnType<typeof setTimeout> | undefined;

  constructor(branch: Branch) {
    this.#branch = branch;
    this.#card.addEventListener('pointerenter', () => clearTimeout(this.#closing));
    this.#card.addEventListener('pointerleave', () => this.#closeSoon());
    this.#card.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      this.#leaf?.text.focus();
      this.close();
    });
    document.addEventListener('pointerdown', (event) => {
      if (event.target instanceof Node && !this.#card.contains(event.target)) this.close();
    });
    addEventListener('scroll', () => this.#place(), { passive: true });
    addEventListener('resize', () => this.close());
  }

  /** Lets a leaf's letters be pointed at, tapped and stepped through. */
  watch(leaf: CompletionCard): void {
    const { text } = leaf;
    text.addEventListener('pointerover', (event) => {
      if (event.pointerType === 'touch' || this.#pinned) return;
      const at = leaf.placeOf(event.target);
      if (at !== undefined) this.#open(leaf, at);
    });
    text.addEventListener('pointerleave', () => this.#closeSoon());
    text.addEventListener('click', (event) => {
      const at = leaf.placeOf(event.target);
      if (at === undefined || !getSelection()?.isCollapsed) return;
      this.#open(leaf, at);
      this.#pinned = true;
    });
    text.addEventListener('keydown', (event) => this.#key(leaf, event));
    text.addEventListener('focus', () => {
      if (!text.matches(':focus-visible') || leaf.letters.length === 0) return;
      this.#open(leaf, this.#leaf === leaf ? this.#at : 0);
      this.#pinned = true;
    });
    text.addEventListener('blur', (event) => {
      if (!(event.relatedTarget instanceof Node && this.#card.contains(event.relatedTarget))) this.close();
    });
  }

  close(): void {
    clearTimeout(this.#closing);
    this.#pinned = false;
    this.#leaf?.span(this.#at)?.classList.remove('inspected');
    if (this.#card.matches(':popover-open')) this.#card.hidePopover();
  }

  #closeSoon(): void {
    clearTimeout(this.#closing);
    if (!this.#pinned) this.#closing = setTimeout(() => this.close(), 250);
  }

  #key(leaf: CompletionCard, event: KeyboardEvent): void {
    const wanted = this.#step(leaf, event);
    if (event.key === 'Enter' && this.#leaf === leaf) {
      event.preventDefault();
      this.#card.querySelector('button')?.focus();
    } else if (event.key === 'Escape' && this.#card.matches(':popover-open')) {
      event.stopPropagation();
      this.close();
    } else if (wanted !== undefined && leaf.letters.length > 0) {
      event.preventDefault();
      this.#open(leaf, Math.min(leaf.letters.length - 1, Math.max(0, wanted)));
      this.#pinned = true;
      leaf.span(this.#at)?.scrollIntoView({ block: 'nearest' });
      const letter = leaf.letters[this.#at];
      if (letter) speak(sentence(letter));
    }
  }

  /** Where a key leads to, if it is one of those that step through a text. */
  #step(leaf: CompletionCard, { key, ctrlKey, metaKey, altKey }: KeyboardEvent): number | undefined {
    if (ctrlKey || metaKey || altKey) return undefined;
    if (key === 'ArrowLeft') return this.#at - 1;
    if (key === 'ArrowRight') return this.#at + 1;
    if (key === 'ArrowUp') return this.#lineAway(leaf, -1);
    if (key === 'ArrowDown') return this.#lineAway(leaf, 1);
    if (key === 'Home') return 0;
    return key === 'End' ? leaf.letters.length - 1 : undefined;
  }

  /** The letter above or below, as the text happens to be broken into lines. */
  #lineAway(leaf: CompletionCard, way: 1 | -1): number {
    const here = leaf.span(this.#at)?.getBoundingClientRect();
    if (!here) return this.#at;
    let best = this.#at;
    let distance = Number.POSITIVE_INFINITY;
    let line: number | undefined;
    for (let at = this.#at + way; at >= 0 && at < leaf.letters.length; at += way) {
      const box = leaf.span(at)?.getBoundingClientRect();
      if (!box || (box.top - here.top) * way < here.height / 2) continue;
      line ??= box.top;
      if (Math.abs(box.top - line) > here.height / 2) break;
      if (Math.abs(box.left - here.left) < distance) {
        best = at;
        distance = Math.abs(box.left - here.left);
      }
    }
    return best;
  }

  #open(leaf: CompletionCard, at: number): void {
    const letter = leaf.letters[at];
    if (!letter) return;
    clearTimeout(this.#closing);
    this.#leaf?.span(this.#at)?.classList.remove('inspected');
    this.#leaf = leaf;
    this.#at = at;
    leaf.span(at)?.classList.add('inspected');
    const chosen = letter.top.some(({ character }) => character === letter.character);
    const candidates: readonly Alternative[] = chosen ? letter.top : [...letter.top, letter];
    this.#card.replaceChildren(
      make(
        'p',
        { className: 'surprise' },
        make('strong', {}, named(letter.character)),
        ` ${percent(letter.logprob)} · ${bits(letter.logprob).toFixed(1)} bits`,
      ),
      make(
        'ul',
        {},
        ...candidates.map((candidate) => make('li', {}, this.#candidate(leaf, at, letter, candidate))),
      ),
      make('button', { type: 'button', onclick: () => this.#go(leaf, at + 1) }, 'Continue from here'),
    );
    if (!this.#card.matches(':popover-open')) this.#card.showPopover();
    this.#place();
  }

  #candidate(
    leaf: CompletionCard,
    at: number,
    letter: GeneratedCharacter,
    { character, logprob }: Alternative,
  ): HTMLElement {
    const taken = character === letter.character;
    const button = make(
      'button',
      {
        type: 'button',
        className: taken ? 'candidate taken' : 'candidate',
        ariaLabel: `${taken ? 'Again from' : 'Write'} ${named(character)}, ${percent(logprob)}, ${taken ? 'which was taken' : 'and continue'}`,
        onclick: () => this.#go(leaf, at, { character, logprob, top: letter.top }),
      },
      make('span', { className: 'glyph' }, named(character)),
      make('span', { className: 'bar' }),
      make('span', { className: 'share' }, percent(logprob)),
    );
    button.style.setProperty('--share', `${(100 * Math.exp(logprob)).toFixed(2)}%`);
    return button;
  }

  #go(leaf: CompletionCard, at: number, instead?: GeneratedCharacter): void {
    this.close();
    leaf.text.focus({ preventScroll: true });
    this.close();
    this.#branch(leaf, at, instead);
  }

  /** Below the letter, or above it where there is no room below. */
  #place(): void {
    const letter = this.#leaf?.span(this.#at)?.getClientRects()[0];
    if (!letter || !this.#card.matches(':popover-open')) return;
    const card = this.#card.getBoundingClientRect();
    const gap = 8; // pixels
    const below = letter.bottom + gap;
    const top = below + card.height > innerHeight ? Math.max(gap, letter.top - gap - card.height) : below;
    const left = Math.min(Math.max(gap, letter.left - 24), innerWidth - card.width - gap);
    this.#card.style.setProperty('top', `${top}px`);
    this.#card.style.setProperty('left', `${left}px`);
  }
}
