import { isList } from '../list-text.ts';
import { make } from './dom.ts';

const rows = 8; // of a sample that are shown at first
const listCharacters = 24; // at most, of each line of a list

interface Sample {
  readonly epoch: number;
  readonly temperature: number;
  readonly text: string;
}

/**
 * The samples of one epoch, each in a few rows: a list in columns, of a longer text the first rows and a button for
 * the rest. What has been opened stays open while newer samples take the place of older ones.
 */
export class Samples {
  readonly #root: HTMLElement;
  readonly #opened = new Set<number>(); // temperatures
  #shown = '';

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  /** @param epoch Default: the last. */
  show(samples: readonly Sample[], epoch = samples.at(-1)?.epoch): void {
    const last = samples.filter((sample) => sample.epoch === epoch);
    const key = JSON.stringify(last);
    if (key === this.#shown) return; // a record comes every few seconds; what is read must not move
    this.#shown = key;
    this.#root.replaceChildren(...last.flatMap((sample) => this.#card(sample)));
    for (const quote of this.#root.querySelectorAll('blockquote')) {
      const more = quote.nextElementSibling as HTMLElement;
      more.hidden = !quote.classList.contains('folded') || quote.scrollHeight <= quote.clientHeight + 1;
    }
  }

  #card({ epoch, temperature, text }: Sample): readonly HTMLElement[] {
    const lines = text.trim().split('\n');
    const folded = !this.#opened.has(temperature);
    const quote = make(
      'blockquote',
      { className: `${isList(lines, listCharacters) ? 'list ' : ''}${folded ? 'folded' : ''}` },
      text.trim(),
    );
    quote.style.setProperty('--rows', String(rows));
    const more = make('button', {
      type: 'button',
      className: 'quiet',
      hidden: true,
      ariaLabel: `More of the sample at temperature ${temperature}`,
      onclick: () => {
        this.#opened.add(temperature);
        quote.classList.remove('folded');
        more.hidden = true;
      },
    });
    more.textContent = 'More';
    return [make('h4', {}, `After epoch ${epoch}, at temperature ${temperature}`), quote, more];
  }
}
