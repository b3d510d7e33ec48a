/* A titled section of a page; with `folded` it opens on demand. */
import type { ComponentChildren } from 'preact';

interface PanelProps {
  id: string;
  title: string;
  aside?: ComponentChildren;
  children: ComponentChildren;
}

export function Panel({ id, title, aside, children }: PanelProps) {
  return (
    <section class="panel" aria-labelledby={`${id}-title`} id={id}>
      <header>
        <h2 id={`${id}-title`}>{title}</h2>
        {aside && <div class="aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

export function Fold({ id, title, aside, children, open }: PanelProps & { open?: boolean }) {
  return (
    <details class="panel" id={id} open={open}>
      <summary>
        <h2>{title}</h2>
        {aside && <span class="aside muted">{aside}</span>}
      </summary>
      {children}
    </details>
  );
}
