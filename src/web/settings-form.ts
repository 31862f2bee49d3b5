import { byId, make } from './dom.ts';
import { defaultSettings, type GenerationSettings } from './generation.ts';
import { advancedSliders, mainSliders, type Slider } from './sliders.ts';

const newSeed = (): number => Math.floor(Math.random() * 1_000_000);

const clamp = (value: number, { least, most }: Slider): number => Math.min(most, Math.max(least, value));

/** The margin's sliders, the seed and its die; reads and writes everything a request has. */
export class SettingsForm {
  readonly #inputs = new Map<Slider, HTMLInputElement>();
  readonly #prompt = byId('prompt', HTMLTextAreaElement);
  readonly #seed: HTMLInputElement;
  readonly #roll: HTMLInputElement;
  readonly #stop: HTMLInputElement;
  readonly #unknown: HTMLSelectElement;
  readonly #tell: (() => void)[] = [];

  constructor(root: HTMLFormElement) {
    root.addEventListener('submit', (event) => event.preventDefault());
    this.#seed = make('input', {
      id: 'seed',
      type: 'number',
      min: '0',
      max: String(Number.MAX_SAFE_INTEGER),
      step: '1',
      required: true,
      attributes: { 'aria-describedby': 'seed-hint', inputmode: 'numeric' },
    });
    this.#roll = make('input', {
      id: 'roll',
      type: 'checkbox',
      checked: true,
      attributes: { role: 'switch' },
    });
    this.#stop = make('input', {
      id: 'stop-at',
      autocomplete: 'off',
      spellcheck: false,
      attributes: { 'aria-describedby': 'stop-hint' },
    });
    this.#unknown = make(
      'select',
      { id: 'unknown', attributes: { 'aria-describedby': 'unknown-hint' } },
      make('option', { value: 'nearest' }, 'take the nearest'),
      make('option', { value: 'skip' }, 'leave them out'),
      make('option', { value: 'error' }, 'refuse'),
    );
    root.append(
      ...mainSliders.map((dial) => this.#dial(dial)),
      this.#seedField(),
      make(
        'details',
        { className: 'finer' },
        make('summary', {}, 'Finer controls'),
        ...advancedSliders.map((dial) => this.#dial(dial)),
        this.#stopField(),
        this.#unknownField(),
      ),
      make(
        'button',
        { type: 'button', className: 'quiet', onclick: () => this.#reset() },
        'Back to the plain settings',
      ),
    );
    this.write(defaultSettings);
  }

  read(): GenerationSettings {
    const numbers = [...this.#inputs].map(([dial, input]) => [dial.name, input.valueAsNumber] as const);
    return {
      ...defaultSettings,
      ...Object.fromEntries(numbers),
      prompt: this.#prompt.value,
      seed: Number.isSafeInteger(this.#seed.valueAsNumber)
        ? Math.max(0, this.#seed.valueAsNumber)
        : defaultSettings.seed,
      stop: this.#stop.value.replaceAll('\\n', '\n'),
      unknown: this.#unknown.value as GenerationSettings['unknown'],
    };
  }

  write(request: GenerationSettings): void {
    for (const [dial, input] of this.#inputs) input.value = String(clamp(request[dial.name], dial));
    this.#prompt.value = request.prompt;
    this.#seed.value = String(request.seed);
    this.#stop.value = request.stop.replaceAll('\n', '\\n');
    this.#unknown.value = request.unknown;
    this.#explain();
  }

  /** A new seed, unless this one is to be kept. */
  rollSeed(): void {
    if (this.#roll.checked) this.#seed.value = String(newSeed());
  }

  keepSeed(): void {
    this.#roll.checked = false;
    this.#explain();
  }

  #reset(): void {
    this.write({ ...defaultSettings, prompt: this.#prompt.value, seed: this.#seed.valueAsNumber });
  }

  #explain(): void {
    for (const tell of this.#tell) tell();
  }

  #dial(dial: Slider): HTMLElement {
    const id = `dial-${dial.name}`;
    const input = make('input', {
      id,
      type: 'range',
      min: String(dial.least),
      max: String(dial.most),
      step: String(dial.step),
      attributes: { 'aria-describedby': `${id}-hint` },
    });
    const value = make('output', { attributes: { for: id } });
    const hint = make('p', { id: `${id}-hint`, className: 'hint' });
    const tell = () => {
      const shown = dial.show(input.valueAsNumber);
      value.textContent = shown;
      input.setAttribute('aria-valuetext', shown);
      hint.textContent = dial.explain(input.valueAsNumber);
      const share = (input.valueAsNumber - dial.least) / (dial.most - dial.least);
      input.style.setProperty('--filled', `${100 * share}%`);
    };
    input.addEventListener('input', tell);
    this.#inputs.set(dial, input);
    this.#tell.push(tell);
    return make('div', { className: 'dial' }, make('label', { htmlFor: id }, dial.label), value, input, hint);
  }

  #seedField(): HTMLElement {
    const hint = make('p', { id: 'seed-hint', className: 'hint' });
    const tell = () => {
      hint.textContent = this.#roll.checked
        ? 'The die is cast anew for each text; its number is the seed.'
        : 'Kept: the same seed and settings give the same text, on any machine.';
    };
    this.#roll.addEventListener('change', tell);
    this.#tell.push(tell);
    const die = make('button', {
      id: 'die',
      type: 'button',
      title: 'Throw the die',
      ariaLabel: 'Throw the die for a new seed',
      onclick: () => {
        this.#seed.value = String(newSeed());
        die.classList.remove('thrown');
        void die.offsetWidth; // lets the animation start again
        die.classList.add('thrown');
      },
    });
    die.append(...[1, 2, 3, 4, 5].map(() => make('i')));
    this.#seed.addEventListener('input', () => this.keepSeed());
    return make(
      'div',
      { className: 'seed' },
      make('label', { htmlFor: 'seed' }, 'Seed'),
      this.#seed,
      die,
      make('label', { className: 'switch', htmlFor: 'roll' }, this.#roll, make('span', {}, 'New each time')),
      hint,
    );
  }

  #stopField(): HTMLElement {
    return make(
      'div',
      { className: 'line' },
      make('label', { htmlFor: 'stop-at' }, 'Stop at'),
      this.#stop,
      make(
        'p',
        { id: 'stop-hint', className: 'hint' },
        'Ends the text before these letters; \\n is a new line.',
      ),
    );
  }

  #unknownField(): HTMLElement {
    return make(
      'div',
      { className: 'line' },
      make('label', { htmlFor: 'unknown' }, 'Letters it does not know'),
      this.#unknown,
      make(
        'p',
        { id: 'unknown-hint', className: 'hint' },
        'What becomes of letters of the beginning that are not in the model’s alphabet.',
      ),
    );
  }
}
