import { storeKey } from './api.ts';
import { byId } from './dom.ts';

let asking: Promise<boolean> | undefined;

/** Asks for the server's key, once for all the calls that want it. @returns whether one was given */
export const askForKey = (): Promise<boolean> => {
  asking ??= new Promise<boolean>((resolve) => {
    const dialog = byId('key-dialog', HTMLDialogElement);
    const input = byId('key', HTMLInputElement);
    input.value = '';
    dialog.returnValue = '';
    dialog.showModal();
    dialog.addEventListener(
      'close',
      () => {
        const given = dialog.returnValue === 'use' && input.value !== '';
        if (given) storeKey(input.value);
        asking = undefined;
        resolve(given);
      },
      { once: true },
    );
  });
  return asking;
};
