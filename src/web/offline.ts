import { address } from './api.ts';

/** Keeps the page, and each model that ran in it, for use without a network. Browsers offer it on secure pages only. */
export const startOffline = (): void => {
  if (!('serviceWorker' in navigator)) return;
  navigator.serviceWorker.register(address('service-worker.js'), { type: 'module' }).catch(() => {
    // The page works without it, as long as the server answers.
  });
};
