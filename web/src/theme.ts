/* Light or dark: the system's wish unless the reader chose, which is remembered. The choice is an attribute of <html>, so that all
 * colours stay in the style sheet; charts listen to the `theme` event and read their colours again. */

export type Theme = 'system' | 'light' | 'dark';
const KEY = 'trainyard.theme';

let current: Theme = read();

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
  apply(next);
}

function apply(next: Theme): void {
  if (next === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  dispatchEvent(new Event('theme'));
}

export function startTheme(): void {
  apply(current);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => dispatchEvent(new Event('theme')));
}

/** A colour of the style sheet, for canvases. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
