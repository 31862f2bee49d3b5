import type { CompletionCard } from './completion-card.ts';
import { announce, byId, make } from './dom.ts';
import { formatDecimal } from './format.ts';
import type { Alternative, GeneratedCharacter } from './generation.ts';
import { bits, characterName, percent } from './surprise.ts';

/** Called when a text is to be continued from a character, or from another one in its place. */
export type BranchHandler = (card: CompletionCard, at: number, replacement?: GeneratedCharacter) => void;

const description = (current: GeneratedCharacter): string => {
  const others = current.top.filter(({ character }) => character !== current.character).slice(0, 3);
  const list = others
    .map(({ character, logprob }) => `${characterName(character)} ${percent(logprob)}`)
    .join(', ');
  return `${characterName(current.character)}, ${percent(current.logprob)}. Alternatives: ${list}.`;
};

/** The popover beside a character: its probability, the alternatives, and buttons that continue from here. */
export class Inspector {
  readonly #popover = byId('inspector', HTMLDivElement);
  readonly #onBranch: BranchHandler;
  #card: CompletionCard | undefined;
  #at = 0;
  #pinned = false;
  #closing: ReturnType<typeof setTimeout> | undefined;

  constructor(onBranch: BranchHandler) {
    this.#onBranch = onBranch;
    this.#popover.addEventListener('pointerenter', () => clearTimeout(this.#closing));
    this.#popover.addEventListener('pointerleave', () => this.#closeSoon());
    this.#popover.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      this.#card?.text.focus();
      this.close();
    });
    document.addEventListener('pointerdown', (event) => {
      if (event.target instanceof Node && !this.#popover.contains(event.target)) this.close();
    });
    addEventListener('scroll', () => this.#position(), { passive: true });
    addEventListener('resize', () => this.close());
  }

  /** Lets a card's characters be pointed at, tapped and gone through by keys. */
  watch(card: CompletionCard): void {
    const { text } = card;
    text.addEventListener('pointerover', (event) => {
      if (event.pointerType === 'touch' || this.#pinned) return;
      const at = card.indexOf(event.target);
      if (at !== undefined) this.#open(card, at);
    });
    text.addEventListener('pointerleave', () => this.#closeSoon());
    text.addEventListener('click', (event) => {
      const at = card.indexOf(event.target);
      if (at === undefined || !getSelection()?.isCollapsed) return;
      this.#open(card, at);
      this.#pinned = true;
    });
    text.addEventListener('keydown', (event) => this.#key(card, event));
    text.addEventListener('focus', () => {
      if (!text.matches(':focus-visible') || card.characters.length === 0) return;
      this.#open(card, this.#card === card ? this.#at : 0);
      this.#pinned = true;
    });
    text.addEventListener('blur', (event) => {
      if (!(event.relatedTarget instanceof Node && this.#popover.contains(event.relatedTarget))) this.close();
    });
  }

  close(): void {
    clearTimeout(this.#closing);
    this.#pinned = false;
    this.#card?.span(this.#at)?.classList.remove('inspected');
    if (this.#popover.matches(':popover-open')) this.#popover.hidePopover();
  }

  #closeSoon(): void {
    clearTimeout(this.#closing);
    if (!this.#pinned) this.#closing = setTimeout(() => this.close(), 250);
  }

  #key(card: CompletionCard, event: KeyboardEvent): void {
    const target = this.#step(card, event);
    if (event.key === 'Enter' && this.#card === card) {
      event.preventDefault();
      this.#popover.querySelector('button')?.focus();
    } else if (event.key === 'Escape' && this.#popover.matches(':popover-open')) {
      event.stopPropagation();
      this.close();
    } else if (target !== undefined && card.characters.length > 0) {
      event.preventDefault();
      this.#open(card, Math.min(card.characters.length - 1, Math.max(0, target)));
      this.#pinned = true;
      card.span(this.#at)?.scrollIntoView({ block: 'nearest' });
      const current = card.characters[this.#at];
      if (current) announce(description(current));
    }
  }

  /** The character that a key moves to, if it is one of those that go through a text. */
  #step(card: CompletionCard, { key, ctrlKey, metaKey, altKey }: KeyboardEvent): number | undefined {
    if (ctrlKey || metaKey || altKey) return undefined;
    if (key === 'ArrowLeft') return this.#at - 1;
    if (key === 'ArrowRight') return this.#at + 1;
    if (key === 'ArrowUp') return this.#lineAway(card, -1);
    if (key === 'ArrowDown') return this.#lineAway(card, 1);
    if (key === 'Home') return 0;
    return key === 'End' ? card.characters.length - 1 : undefined;
  }

  /** The character above or below, as the text is broken into lines. */
  #lineAway(card: CompletionCard, way: 1 | -1): number {
    const here = card.span(this.#at)?.getBoundingClientRect();
    if (!here) return this.#at;
    let best = this.#at;
    let distance = Number.POSITIVE_INFINITY;
    let line: number | undefined;
    for (let at = this.#at + way; at >= 0 && at < card.characters.length; at += way) {
      const box = card.span(at)?.getBoundingClientRect();
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

  #open(card: CompletionCard, at: number): void {
    const current = card.characters[at];
    if (!current) return;
    clearTimeout(this.#closing);
    this.#card?.span(this.#at)?.classList.remove('inspected');
    this.#card = card;
    this.#at = at;
    card.span(at)?.classList.add('inspected');
    const listed = current.top.some(({ character }) => character === current.character);
    const candidates: readonly Alternative[] = listed ? current.top : [...current.top, current];
    this.#popover.replaceChildren(
      make(
        'p',
        { className: 'probability' },
        make('strong', {}, characterName(current.character)),
        ` ${percent(current.logprob)} · ${formatDecimal(bits(current.logprob), 1)} bits`,
      ),
      make(
        'ul',
        {},
        ...candidates.map((candidate) => make('li', {}, this.#candidate(card, at, current, candidate))),
      ),
      make('button', { type: 'button', onclick: () => this.#go(card, at + 1) }, 'Continue from here'),
    );
    if (!this.#popover.matches(':popover-open')) this.#popover.showPopover();
    this.#position();
  }

  #candidate(
    card: CompletionCard,
    at: number,
    current: GeneratedCharacter,
    { character, logprob }: Alternative,
  ): HTMLElement {
    const chosen = character === current.character;
    const button = make(
      'button',
      {
        type: 'button',
        className: chosen ? 'candidate chosen' : 'candidate',
        onclick: () => this.#go(card, at, { character, logprob, top: current.top }),
      },
      make('span', { className: 'visually-hidden' }, chosen ? 'Regenerate after ' : 'Use '),
      make('span', { className: 'glyph' }, characterName(character)),
      ' ', // between the words of the button's name
      make('span', { className: 'bar' }),
      make('span', { className: 'share' }, percent(logprob)),
    );
    button.style.setProperty('--share', `${(100 * Math.exp(logprob)).toFixed(2)}%`);
    return button;
  }

  #go(card: CompletionCard, at: number, replacement?: GeneratedCharacter): void {
    this.close();
    card.text.focus({ preventScroll: true });
    this.close();
    this.#onBranch(card, at, replacement);
  }

  /** Below the character, or above it where there is no room below. */
  #position(): void {
    const anchor = this.#card?.span(this.#at)?.getClientRects()[0];
    if (!anchor || !this.#popover.matches(':popover-open')) return;
    const popover = this.#popover.getBoundingClientRect();
    const gap = 8; // pixels
    const below = anchor.bottom + gap;
    const top =
      below + popover.height > innerHeight ? Math.max(gap, anchor.top - gap - popover.height) : below;
    const left = Math.min(Math.max(gap, anchor.left - 24), innerWidth - popover.width - gap);
    this.#popover.style.setProperty('top', `${top}px`);
    this.#popover.style.setProperty('left', `${left}px`);
  }
}
