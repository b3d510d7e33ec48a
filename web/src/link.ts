/* Whether the page is live: each page reports the state of its stream, the header shows it. */
import { useEffect } from 'preact/hooks';
import { Store } from './store';
import type { Link } from './stream';

class LinkStore extends Store {
  link: Link | null = null;

  report(link: Link | null): void {
    if (this.link === link) return;
    this.link = link;
    this.changed();
  }
}

export const links = new LinkStore();

export function useLink(link: Link): void {
  useEffect(() => links.report(link), [link]);
  useEffect(() => () => links.report(null), []);
}
