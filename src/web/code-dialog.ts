import { copyFrom } from './clipboard.ts';
import { byId, make, within } from './dom.ts';
import { type Language, languages, type SnippetRequest, snippet } from './snippets.ts';

/** The dialog that shows a request as a program, with tabs as in the ARIA practices. */
export class CodeDialog {
  readonly #dialog = byId('code-dialog', HTMLDialogElement);
  readonly #code: HTMLElement;
  readonly #tabs: readonly HTMLButtonElement[];
  #language: Language = 'curl';
  #request: SnippetRequest | undefined;

  constructor() {
    this.#code = within(this.#dialog, 'code', HTMLElement);
    this.#tabs = languages.map((language) =>
      make(
        'button',
        {
          type: 'button',
          id: `tab-${language}`,
          onclick: () => this.#show(language),
          attributes: { role: 'tab', 'aria-controls': 'code-panel' },
        },
        language,
      ),
    );
    const list = within(this.#dialog, '[role=tablist]', HTMLElement);
    list.append(...this.#tabs);
    list.addEventListener('keydown', (event) => {
      const way = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (way === undefined) return;
      const at = (languages.indexOf(this.#language) + way + languages.length) % languages.length;
      this.#show(languages[at] ?? 'curl');
      this.#tabs[at]?.focus();
    });
    Object.assign(byId('code-panel', HTMLPreElement), { role: 'tabpanel', tabIndex: 0 });
    const copy = byId('copy-code', HTMLButtonElement);
    copy.addEventListener('click', () => void copyFrom(copy, this.#code.textContent, 'Copy it by hand'));
  }

  open(request: SnippetRequest): void {
    this.#request = request;
    this.#show(this.#language);
    this.#dialog.showModal();
  }

  #show(language: Language): void {
    if (!this.#request) return;
    this.#language = language;
    this.#code.textContent = snippet(language, this.#request);
    byId('code-panel', HTMLPreElement).setAttribute('aria-labelledby', `tab-${language}`);
    for (const [at, tab] of this.#tabs.entries()) {
      const chosen = languages[at] === language;
      tab.ariaSelected = String(chosen);
      tab.tabIndex = chosen ? 0 : -1;
    }
  }
}
