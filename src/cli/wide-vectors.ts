import type { Settings } from '../settings.ts';
import { printStatus } from './print.ts';

let isApplied = false; // some commands open several models

/** Before a model is opened: has V8 pair the kernel's vectors where the setting says so. */
export async function applyWideVectors({ wideVectors }: Pick<Settings, 'wideVectors'>): Promise<void> {
  if (!wideVectors || isApplied) return;
  isApplied = true;
  const { widenVectors } = await import('../wide-vectors.ts');
  const reason = widenVectors();
  if (reason !== undefined) printStatus(`FOLIO_WIDE_VECTORS has no effect: ${reason}.`);
}
