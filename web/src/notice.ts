/* Short notices: spoken by a screen reader (aria-live) and, for what the reader did or what went wrong, shown for some seconds. */
import { Store } from './store';

export interface Notice {
  key: number;
  text: string;
  tone: 'good' | 'bad';
}

const SHOWN_MS = { good: 4000, bad: 10_000 };

class Notices extends Store {
  spoken = '';
  shown: Notice[] = [];
  private next = 1;

  speak(text: string): void {
    this.spoken = text;
    this.changed();
  }

  show(text: string, tone: Notice['tone']): void {
    const key = this.next++;
    this.shown = [...this.shown, { key, text, tone }].slice(-3);
    this.changed();
    setTimeout(() => this.hide(key), SHOWN_MS[tone]);
  }

  hide(key: number): void {
    this.shown = this.shown.filter((notice) => notice.key !== key);
    this.changed();
  }
}

export const notices = new Notices();
export const announce = (text: string): void => notices.speak(text);
export const tell = (text: string): void => notices.show(text, 'good');
export const warn = (text: string): void => notices.show(text, 'bad');
