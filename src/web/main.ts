import { serverUrl as apiOrigin, storedKey, whenKeyIsNeeded } from './api.ts';
import { BrowserBackend } from './browser-backend.ts';
import { copyFrom } from './clipboard.ts';
import { CodeDialog } from './code-dialog.ts';
import type { CardSource } from './completion-card.ts';
import { Controller } from './controller.ts';
import { byId, messageOf, notice } from './dom.ts';
import type { GenerationSettings } from './generation.ts';
import { askForKey } from './key-dialog.ts';
import { readLink, type Shared, writeLink } from './link.ts';
import { ModelPicker } from './models.ts';
import { startOffline } from './offline.ts';
import { serverBackend } from './server-backend.ts';
import { SettingsForm } from './settings-form.ts';
import { startTheme } from './theme.ts';
import { TrainingPanel } from './training-panel.ts';

const inBrowser = byId('in-browser', HTMLInputElement);
const where = byId('where', HTMLParagraphElement);
const settings = new SettingsForm(byId('settings', HTMLFormElement));
const desk = new Controller(() => settings.read());
const code = new CodeDialog();
const browserPress = new BrowserBackend((text) => {
  where.textContent = text;
});
const picker = new ModelPicker(() => void prepare());
const workshop = new TrainingPanel(async (model) => {
  await picker.refresh(model);
  byId('prompt', HTMLTextAreaElement).focus();
});

const placeName = 'folio-in-browser';

/** Fetches the model as soon as it is to run here, so that it is there when the network is not. */
const prepare = async (): Promise<void> => {
  where.textContent = '';
  const model = picker.chosen;
  if (!inBrowser.checked || model === undefined) return;
  try {
    await browserPress.load(model);
  } catch (error) {
    where.textContent = messageOf(error);
  }
};

const originOf = (request: GenerationSettings): CardSource | undefined => {
  const model = picker.chosen;
  if (model === undefined) {
    notice('notice', 'There is no model yet: train one below.');
    return undefined;
  }
  const press = inBrowser.checked ? browserPress.of(model) : serverBackend(model, picker.indexed);
  return { press, model, request, place: inBrowser.checked ? 'in this browser' : 'on the server' };
};

/** What the next text would be made of. */
const next = (): Shared => ({ model: picker.chosen, request: settings.read() });

/** What the page said when the latest text was asked for. */
let asked = '';

const run = async (request: GenerationSettings): Promise<void> => {
  const origin = originOf(request);
  if (!origin) return;
  asked = JSON.stringify(next());
  await desk.run(origin);
};

const generate = (): void => {
  settings.rollSeed();
  void run(settings.read());
};

/** The latest text, continued and branched as it was, unless something else has been asked for since. */
const latest = (): Shared => (desk.latest && JSON.stringify(next()) === asked ? desk.latest : next());

/** The link to the latest text; it is in the address bar, too. */
const share = (button: HTMLButtonElement): void => {
  history.replaceState(null, '', `#${writeLink(desk.latest ?? next())}`);
  void copyFrom(button, location.href, 'It is in the address bar');
};

const openLink = async (): Promise<void> => {
  const shared = readLink(location.hash);
  if (!shared) return;
  settings.write(shared.request);
  settings.keepSeed();
  await picker.refresh(shared.model);
  await run(shared.request);
  if (shared.model !== undefined && picker.chosen !== shared.model) {
    notice('notice', `This link was made with ${shared.model}, which is not here: its text may differ.`);
  }
};

const start = async (): Promise<void> => {
  whenKeyIsNeeded(askForKey);
  startTheme();
  startOffline();
  byId('compose', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    generate();
  });
  addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) generate();
    else if (event.key === 'Escape') desk.stop();
  });
  const shareButton = byId('share', HTMLButtonElement);
  shareButton.addEventListener('click', () => share(shareButton));
  byId('code', HTMLButtonElement).addEventListener('click', () => {
    const { model = '', request } = latest();
    code.open({ origin: apiOrigin(), keyed: storedKey() !== undefined, model, request });
  });
  byId('shade', HTMLInputElement).addEventListener('change', ({ target }) => {
    document.body.classList.toggle('unshaded', target instanceof HTMLInputElement && !target.checked);
  });
  inBrowser.checked = localStorage.getItem(placeName) === 'yes';
  inBrowser.addEventListener('change', () => {
    localStorage.setItem(placeName, inBrowser.checked ? 'yes' : 'no');
    void prepare();
  });
  addEventListener('hashchange', () => void openLink());
  // On a small screen the prompt comes first; the sliders open when they are wanted.
  byId('controls', HTMLDetailsElement).open = matchMedia('(min-width: 60rem)').matches;
  try {
    await picker.refresh();
    await Promise.all([openLink(), workshop.open()]);
  } catch (error) {
    notice('notice', messageOf(error));
  }
};

void start();
