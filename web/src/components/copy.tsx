/* A button that copies a text and says so. The clipboard API needs a secure context (https or loopback); elsewhere a selected text
 * field does the same. */
import { useState } from 'preact/hooks';
import { warn } from '../notice';

const SAID_MS = 1600;

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement('textarea');
    field.value = text;
    field.className = 'offscreen';
    document.body.append(field);
    field.select();
    const done = document.execCommand('copy');
    field.remove();
    return done;
  }
}

export function Copy({ text, label, title, quiet }: { text: string | (() => string); label: string; title?: string; quiet?: boolean }) {
  const [said, setSaid] = useState(false);
  async function copy(): Promise<void> {
    if (!(await copyText(typeof text === 'string' ? text : text()))) return warn('The browser refused to copy. Select the text and copy it by hand.');
    setSaid(true);
    setTimeout(() => setSaid(false), SAID_MS);
  }
  return (
    <button type="button" class={quiet ? 'button quiet small' : 'button small'} title={title} onClick={() => void copy()}>
      <span aria-live="polite">{said ? 'Copied' : label}</span>
    </button>
  );
}
