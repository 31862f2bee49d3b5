import { speak } from './dom.ts';

/**
 * Copies a text. Pages that are not served securely get no clipboard from the browser.
 *
 * @returns whether it was copied
 */
const copyText = async (text: string): Promise<boolean> => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
};

const shownFor = 2000; // ms

/** Copies a text and says on the button that was pressed what came of it. */
export const copyFrom = async (button: HTMLButtonElement, text: string, otherwise: string): Promise<void> => {
  const label = button.dataset.label ?? button.textContent;
  button.dataset.label = label;
  button.textContent = (await copyText(text)) ? 'Copied' : otherwise;
  speak(button.textContent);
  setTimeout(() => {
    button.textContent = label;
  }, shownFor);
};
