import { address } from './api.ts';

/** Milliseconds that a page waits for its service worker's installation before it goes on without. */
const installationTimeoutMs = 15_000;

/**
 * Starts the service worker, which keeps the page, the lists of models and each model that runs in the page for use
 * without a network. Browsers offer it on secure pages only.
 *
 * @returns 'installed' where what the page fetched before has not been kept, 'running' where the service worker was
 * there from the start, and 'absent' where nothing is kept; no later than when the page is under its control
 */
export const startServiceWorker = async (): Promise<'installed' | 'running' | 'absent'> => {
  if (!('serviceWorker' in navigator)) return 'absent';
  const { serviceWorker } = navigator;
  if (serviceWorker.controller) {
    serviceWorker.register(address('service-worker.js'), { type: 'module' }).catch(() => {}); // looks for a new one
    return 'running';
  }
  try {
    const controlled = new Promise<'installed'>((resolve) =>
      serviceWorker.addEventListener('controllerchange', () => resolve('installed'), { once: true }),
    );
    const { active } = await serviceWorker.register(address('service-worker.js'), { type: 'module' });
    if (active) return 'absent'; // the visitor has asked the browser to load the page without it
    const tooLate = new Promise<'absent'>((resolve) => setTimeout(resolve, installationTimeoutMs, 'absent'));
    return await Promise.race([controlled, tooLate]);
  } catch {
    return 'absent'; // the page works without it, as long as the server answers
  }
};
