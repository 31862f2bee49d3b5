import type uPlot from 'uplot';

/**
 * uPlot makes a number format of the browser's language while it is loaded. Some browsers name a language that `Intl`
 * refuses: WebKitGTK's is "C" where the system has none.
 */
const ensureValidLanguage = (): void => {
  try {
    Intl.getCanonicalLocales(navigator.language);
  } catch {
    Object.defineProperty(navigator, 'language', { value: 'en' });
  }
};

/** Loaded for the first chart, so that a page without charts depends on nothing of it. */
export const loadChartLibrary = async (): Promise<typeof uPlot> => {
  ensureValidLanguage();
  return (await import('uplot')).default;
};
