import { byId, make } from './dom.ts';
import { type AlphabetSource, FormField } from './form-field.ts';
import { defaultSettings, type GenerationSettings } from './generation.ts';
import { advancedSliders, mainSliders, minLengthSlider, type Slider } from './sliders.ts';

const newSeed = (): number => Math.floor(Math.random() * 1_000_000);

const clamp = (value: number, { min, max }: Slider): number => Math.min(max, Math.max(min, value));

/** The form of all settings: sliders, seed, stop text, banned texts, what the text is held to, unknown characters. */
export class SettingsForm {
  readonly #inputs = new Map<Slider, HTMLInputElement>();
  readonly #prompt = byId('prompt', HTMLTextAreaElement);
  readonly #seed: HTMLInputElement;
  readonly #randomSeed: HTMLInputElement;
  readonly #stop: HTMLInputElement;
  readonly #banned: HTMLTextAreaElement;
  readonly #form: FormField;
  readonly #textForm: HTMLDetailsElement;
  readonly #unknown: HTMLSelectElement;
  readonly #hints: (() => void)[] = []; // each updates what a control says of its value

  /** @param alphabet Of the model that is chosen. */
  constructor(root: HTMLFormElement, alphabet: AlphabetSource) {
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
    this.#randomSeed = make('input', {
      id: 'random-seed',
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
      make('option', { value: 'nearest' }, 'use the nearest character'),
      make('option', { value: 'skip' }, 'leave it out'),
      make('option', { value: 'error' }, 'report an error'),
    );
    this.#banned = make('textarea', {
      id: 'banned',
      rows: 2,
      spellcheck: false,
      attributes: { 'aria-describedby': 'banned-hint', autocapitalize: 'off' },
    });
    this.#form = new FormField(alphabet, () => this.read().length);
    this.#textForm = make(
      'details',
      { className: 'text-form' },
      make('summary', {}, 'Form of the text'),
      this.#form.element,
      this.#stopField(),
      this.#sliderField(minLengthSlider),
      this.#bannedField(),
    );
    root.append(
      ...mainSliders.map((slider) => this.#sliderField(slider)),
      this.#seedField(),
      make(
        'details',
        { className: 'advanced' },
        make('summary', {}, 'Advanced settings'),
        ...advancedSliders.map((slider) => this.#sliderField(slider)),
        this.#unknownField(),
      ),
      this.#textForm,
      make(
        'button',
        { type: 'button', className: 'quiet', onclick: () => this.#reset() },
        'Reset to defaults',
      ),
    );
    this.write(defaultSettings);
  }

  read(): GenerationSettings {
    const numbers = [...this.#inputs].map(([slider, input]) => [slider.name, input.valueAsNumber] as const);
    return {
      ...defaultSettings,
      ...Object.fromEntries(numbers),
      prompt: this.#prompt.value,
      seed: Number.isSafeInteger(this.#seed.valueAsNumber)
        ? Math.max(0, this.#seed.valueAsNumber)
        : defaultSettings.seed,
      stop: this.#stop.value.replaceAll('\\n', '\n'),
      banned: this.#banned.value,
      ...this.#form.read(),
      unknown: this.#unknown.value as GenerationSettings['unknown'],
    };
  }

  write(settings: GenerationSettings): void {
    for (const [slider, input] of this.#inputs) input.value = String(clamp(settings[slider.name], slider));
    this.#prompt.value = settings.prompt;
    this.#seed.value = String(settings.seed);
    this.#stop.value = settings.stop.replaceAll('\n', '\\n');
    this.#banned.value = settings.banned;
    this.#form.write(settings);
    const { stop, banned, minLength, pattern, choices, jsonSchema } = settings;
    if (minLength > 0 || stop + banned + pattern + choices + jsonSchema !== '') this.#textForm.open = true;
    this.#unknown.value = settings.unknown;
    this.#updateHints();
  }

  /** To be called when another model is chosen. */
  checkForm(): void {
    void this.#form.check();
  }

  /** A new random seed, unless this one is to be kept. */
  renewSeed(): void {
    if (this.#randomSeed.checked) this.#seed.value = String(newSeed());
  }

  keepSeed(): void {
    this.#randomSeed.checked = false;
    this.#updateHints();
  }

  #reset(): void {
    this.write({ ...defaultSettings, prompt: this.#prompt.value, seed: this.#seed.valueAsNumber });
  }

  #updateHints(): void {
    for (const update of this.#hints) update();
  }

  #sliderField(slider: Slider): HTMLElement {
    const id = `slider-${slider.name}`;
    const input = make('input', {
      id,
      type: 'range',
      min: String(slider.min),
      max: String(slider.max),
      step: String(slider.step),
      attributes: { 'aria-describedby': `${id}-hint` },
    });
    const value = make('output', { attributes: { for: id } });
    const hint = make('p', { id: `${id}-hint`, className: 'hint' });
    const update = () => {
      const shown = slider.show(input.valueAsNumber);
      value.textContent = shown;
      input.setAttribute('aria-valuetext', shown);
      hint.textContent = slider.explain(input.valueAsNumber);
      const share = (input.valueAsNumber - slider.min) / (slider.max - slider.min);
      input.style.setProperty('--filled', `${100 * share}%`);
    };
    input.addEventListener('input', update);
    if (slider.name === 'length') input.addEventListener('change', () => this.checkForm());
    this.#inputs.set(slider, input);
    this.#hints.push(update);
    return make(
      'div',
      { className: 'slider' },
      make('label', { htmlFor: id }, slider.label),
      value,
      input,
      hint,
    );
  }

  #seedField(): HTMLElement {
    const hint = make('p', { id: 'seed-hint', className: 'hint' });
    const update = () => {
      hint.textContent = this.#randomSeed.checked
        ? 'A new random seed for each text.'
        : 'Fixed: the same seed and settings give the same text on any machine.';
    };
    this.#randomSeed.addEventListener('change', update);
    this.#hints.push(update);
    const newSeedButton = make('button', {
      id: 'new-seed',
      type: 'button',
      title: 'New random seed',
      ariaLabel: 'New random seed',
      onclick: () => {
        this.#seed.value = String(newSeed());
        newSeedButton.classList.remove('rolled');
        void newSeedButton.offsetWidth; // lets the animation start again
        newSeedButton.classList.add('rolled');
      },
    });
    newSeedButton.append(...[1, 2, 3, 4, 5].map(() => make('i')));
    this.#seed.addEventListener('input', () => this.keepSeed());
    return make(
      'div',
      { className: 'seed' },
      make('label', { htmlFor: 'seed' }, 'Seed'),
      this.#seed,
      newSeedButton,
      make(
        'label',
        { className: 'switch', htmlFor: 'random-seed' },
        this.#randomSeed,
        make('span', {}, 'Random'),
      ),
      hint,
    );
  }

  #stopField(): HTMLElement {
    return make(
      'div',
      { className: 'line' },
      make('label', { htmlFor: 'stop-at' }, 'Stop text'),
      this.#stop,
      make(
        'p',
        { id: 'stop-hint', className: 'hint' },
        'The text ends before these characters; \\n is a new line.',
      ),
    );
  }

  #bannedField(): HTMLElement {
    return make(
      'div',
      { className: 'line' },
      make('label', { htmlFor: 'banned' }, 'Banned texts'),
      this.#banned,
      make('p', { id: 'banned-hint', className: 'hint' }, 'One a line. The text holds none of them.'),
    );
  }

  #unknownField(): HTMLElement {
    return make(
      'div',
      { className: 'line' },
      make('label', { htmlFor: 'unknown' }, 'Unknown characters'),
      this.#unknown,
      make(
        'p',
        { id: 'unknown-hint', className: 'hint' },
        'What to do with a character of the prompt that is not in the model’s alphabet.',
      ),
    );
  }
}
