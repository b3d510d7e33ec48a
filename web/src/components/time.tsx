/* A moment: relative in the text, absolute with its zone on hover, machine-readable in the attribute. */
import { absolute, ago, instant, NONE } from '../format';
import { useNow } from '../store';

export function Ago({ at }: { at: string | null | undefined }) {
  const now = useNow(5000);
  const ms = instant(at);
  if (!Number.isFinite(ms)) return <span class="muted">{NONE}</span>;
  return (
    <time dateTime={at ?? ''} title={absolute(ms)}>
      {ago(ms, now)}
    </time>
  );
}
