import { byId } from './dom.ts';

const name = 'folio-theme';
const isDark = (): boolean => document.documentElement.dataset.theme === 'dark';

/** Follows the system's colour scheme until a visitor chooses the other one, which is remembered. */
export const startTheme = (): void => {
  const button = byId('theme', HTMLButtonElement);
  const system = matchMedia('(prefers-color-scheme: dark)');
  const show = () => {
    const theme = localStorage.getItem(name) ?? (system.matches ? 'dark' : 'light');
    document.documentElement.dataset.theme = theme;
    button.textContent = theme === 'dark' ? 'Light' : 'Dark';
    button.ariaLabel = `Change to the ${theme === 'dark' ? 'light' : 'dark'} theme`;
    dispatchEvent(new Event('themechange'));
  };
  button.addEventListener('click', () => {
    localStorage.setItem(name, isDark() ? 'light' : 'dark');
    show();
  });
  system.addEventListener('change', show);
  show();
};
