/* Light or dark: the system's wish unless the reader chose, which is remembered. What came of it is an attribute of <html>, so that all
 * colours stay in the style sheet, each scheme once; charts listen to the `theme` event and read their colours again. */

export type Theme = 'system' | 'light' | 'dark';
const KEY = 'trainyard.theme';

let current: Theme = read();
const systemDark = () => matchMedia('(prefers-color-scheme: dark)');

export const theme = (): Theme => current;

function read(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === 'light' || kept === 'dark' ? kept : 'system';
  } catch {
    return 'system'; /* storage may be forbidden; the choice then lasts as long as the page */
  }
}

export function setTheme(next: Theme): void {
  current = next;
  try {
    if (next === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    /* see above */
  }
  apply();
}

function apply(): void {
  document.documentElement.dataset.theme = current !== 'system' ? current : systemDark().matches ? 'dark' : 'light';
  dispatchEvent(new Event('theme'));
}

export function startTheme(): void {
  apply();
  systemDark().addEventListener('change', apply);
}

/** A colour of the style sheet, for canvases. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
