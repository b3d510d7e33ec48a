/* Keys without a modifier, while no text field has the focus and no dialog is open. */
import { useEffect } from 'preact/hooks';

export type Keys = { [key: string]: () => void };

export const KEYS_HELP: readonly [string, string][] = [
  ['/', 'filter the jobs'],
  ['j  k', 'next, previous job'],
  ['Enter', 'open the job'],
  ['n', 'new job'],
  ['u', 'up to the list'],
  ['l', 'the log of the job'],
  ['.', 'actions of the job'],
  ['t', 'light, dark or as the system'],
  ['?', 'this help'],
  ['Esc', 'leave a field or a dialog'],
];

export function useKeys(keys: Keys): void {
  useEffect(() => {
    function onKey(event: KeyboardEvent): void {
      const target = event.target as HTMLElement;
      const typing = target.matches('input:not([type=checkbox]):not([type=range]), textarea, select');
      if (event.key === 'Escape' && typing) return target.blur();
      if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
      const action = keys[event.key];
      if (!action) return;
      event.preventDefault();
      action();
    }
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  });
}
