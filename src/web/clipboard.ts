import { announce } from './dom.ts';

/**
 * Copies a text. Browsers offer the clipboard on secure pages only.
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

/** Copies a text and shows on the button whether that worked. */
export const copyFrom = async (button: HTMLButtonElement, text: string, failure: string): Promise<void> => {
  const label = button.dataset.label ?? button.textContent;
  button.dataset.label = label;
  button.textContent = (await copyText(text)) ? 'Copied' : failure;
  announce(button.textContent);
  setTimeout(() => {
    button.textContent = label;
  }, shownFor);
};
