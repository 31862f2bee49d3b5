import { givenKey, serverUrl, takeKeyFromAddress, whenKeyIsNeeded } from './api.ts';
import type { ModelChoice } from './backend.ts';
import { BrowserBackend } from './browser-backend.ts';
import { copyFrom } from './clipboard.ts';
import { CodeDialog } from './code-dialog.ts';
import { Controller } from './controller.ts';
import { byId, messageOf, notice } from './dom.ts';
import { formatMegabytes } from './format.ts';
import type { GenerationSettings } from './generation.ts';
import { askForKey } from './key-dialog.ts';
import { readLink, type SharedLink, writeLink } from './link.ts';
import { ModelPicker } from './model-picker.ts';
import { startServiceWorker } from './offline.ts';
import { ServerBackend } from './server-backend.ts';
import { SettingsForm } from './settings-form.ts';
import { startTheme } from './theme.ts';
import { TrainingPanel } from './training-panel.ts';

const inBrowser = byId('in-browser', HTMLInputElement);
const status = byId('backend-status', HTMLParagraphElement);
const form = new SettingsForm(
  byId('settings', HTMLFormElement),
  async () => (await picker.details()).alphabet,
);
const controller = new Controller(() => form.read());
const codeDialog = new CodeDialog();
const serverBackend = new ServerBackend();
const serviceWorker = startServiceWorker();
const browserBackend = new BrowserBackend(serviceWorker);
const picker = new ModelPicker(() => {
  form.checkForm();
  void prepare();
  void suggestPrompt();
});
const trainingPanel = new TrainingPanel(async (model) => {
  await picker.refresh(model);
  prompt.focus();
});

const inBrowserKey = 'folio-in-browser';

/** Loads the model as soon as it is to run here, so that it is there when the network is not. */
const prepare = async (): Promise<void> => {
  status.textContent = '';
  const model = picker.chosen;
  if (!inBrowser.checked || model === undefined) return;
  status.textContent = 'Loading the model …';
  try {
    const byteLength = await browserBackend.load(model);
    status.textContent = `The model is loaded (${formatMegabytes(byteLength)}) and runs without the server.`;
  } catch (error) {
    status.textContent = messageOf(error);
  }
};

const prompt = byId('prompt', HTMLTextAreaElement);
/** Whether the prompt is the page's own, and not the visitor's or a link's. */
let isSuggested = true;

/** A beginning in the manner of the chosen model, unless somebody has written one. */
const suggestPrompt = async (): Promise<void> => {
  const model = picker.chosen;
  if (!isSuggested || model === undefined) return;
  const { suggested_prompt: suggested } = await picker.details();
  if (isSuggested && picker.chosen?.id === model.id && suggested !== undefined) prompt.value = suggested;
};

const linkTo = (model: ModelChoice | undefined, settings: GenerationSettings): SharedLink => ({
  model: model?.id,
  settings,
});

/** What the next text would be made of. */
const next = (): SharedLink => linkTo(picker.chosen, form.read());

/** The latest text, continued and branched as it was. */
const latest = (): SharedLink | undefined =>
  controller.latest && linkTo(controller.latest.model, controller.latest.settings);

/** What the page said when the latest text was asked for. */
let requested = '';

const run = async (settings: GenerationSettings): Promise<void> => {
  const model = picker.chosen;
  if (model === undefined) {
    notice('notice', 'There is no model yet. Train one below.');
    return;
  }
  requested = JSON.stringify(next());
  await controller.run({ backend: inBrowser.checked ? browserBackend : serverBackend, model, settings });
};

const generate = (): void => {
  form.renewSeed();
  void run(form.read());
};

/** Copies the link to the latest text, which is in the address bar, too. */
const share = (button: HTMLButtonElement): void => {
  history.replaceState(null, '', `#${writeLink(latest() ?? next())}`);
  void copyFrom(button, location.href, 'See the address bar');
};

/** Shows the latest text as a program, unless the settings have been changed since. */
const showCode = (): void => {
  const unchanged = JSON.stringify(next()) === requested;
  const { model = '', settings } = (unchanged ? latest() : undefined) ?? next();
  codeDialog.open({ baseUrl: serverUrl(), keyed: givenKey() !== undefined, model, settings });
};

const openLink = async (): Promise<void> => {
  takeKeyFromAddress();
  const link = readLink(location.hash);
  if (!link) return;
  isSuggested = false;
  form.write(link.settings);
  form.keepSeed();
  await picker.refresh(link.model);
  await run(link.settings);
  if (link.model !== undefined && picker.chosen?.id !== link.model) {
    notice(
      'notice',
      `This link was made with ${link.model}, which is not on this server. The text may differ.`,
    );
  }
};

/** On the first visit the lists were fetched before there was a service worker to keep them. */
const keepLists = async (): Promise<void> => {
  if ((await serviceWorker) === 'installed') await picker.fetchLists();
};

const start = async (): Promise<void> => {
  takeKeyFromAddress();
  whenKeyIsNeeded(askForKey);
  startTheme();
  byId('compose', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    generate();
  });
  addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) generate();
    else if (event.key === 'Escape') controller.stop();
  });
  prompt.addEventListener('input', () => {
    isSuggested = false;
  });
  const shareButton = byId('share', HTMLButtonElement);
  shareButton.addEventListener('click', () => share(shareButton));
  byId('code', HTMLButtonElement).addEventListener('click', showCode);
  byId('shade', HTMLInputElement).addEventListener('change', ({ target }) => {
    document.body.classList.toggle('unshaded', target instanceof HTMLInputElement && !target.checked);
  });
  inBrowser.checked = localStorage.getItem(inBrowserKey) === 'yes';
  inBrowser.addEventListener('change', () => {
    localStorage.setItem(inBrowserKey, inBrowser.checked ? 'yes' : 'no');
    void prepare();
  });
  addEventListener('hashchange', () => void openLink());
  // On a small screen the prompt comes first; the settings open when they are wanted.
  byId('controls', HTMLDetailsElement).open = matchMedia('(min-width: 60rem)').matches;
  try {
    await picker.refresh();
    void keepLists();
    await Promise.all([openLink(), trainingPanel.open()]);
  } catch (error) {
    notice('notice', messageOf(error));
  }
};

void start();
