/* The tail of the run's log. It follows the end until the reader scrolls up, and again once they are back at the end. The search
 * keeps the lines that hold its text; escape sequences of terminals are dropped, never obeyed. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { saveAs } from '../api';

const ANSI = /\u001b\[[0-?]*[ -/]*[@-~]|[\u0000-\u0008\u000b-\u001f\u007f]/g;
const NEAR_END_PX = 24;
const LINES_SHOWN = 5000;

export function LogTail({ id, text }: { id: string; text: string }) {
  const box = useRef<HTMLPreElement>(null);
  const [follow, setFollow] = useState(true);
  const [search, setSearch] = useState('');
  const [wrap, setWrap] = useState(true);
  const all = text.replace(ANSI, '').split('\n');
  if (all.at(-1) === '') all.pop();
  const wanted = search.toLowerCase();
  const lines = (wanted ? all.filter((line) => line.toLowerCase().includes(wanted)) : all).slice(-LINES_SHOWN);

  useLayoutEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text, follow, search]);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    let top = element.scrollTop;
    const onScroll = (): void => {
      const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX;
      if (element.scrollTop < top && !atEnd) setFollow(false);
      else if (atEnd) setFollow(true);
      top = element.scrollTop;
    };
    element.addEventListener('scroll', onScroll, { passive: true });
    return () => element.removeEventListener('scroll', onScroll);
  }, []);

  function toError(): void {
    setFollow(false);
    const first = box.current?.querySelector('.bad');
    first?.scrollIntoView({ block: 'center' });
  }

  return (
    <>
      <div class="tools">
        <input type="search" placeholder="Search the log" aria-label="Search the log" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
        <label class="check">
          <input type="checkbox" checked={follow} onChange={(event) => setFollow(event.currentTarget.checked)} />
          follow
        </label>
        <label class="check">
          <input type="checkbox" checked={wrap} onChange={(event) => setWrap(event.currentTarget.checked)} />
          wrap
        </label>
        <button type="button" class="button quiet small" onClick={toError} disabled={!lines.some(isBad)}>
          First error
        </button>
        <span class="spacer" />
        <span class="muted small">{follow ? '' : 'paused: scroll to the end to follow. '}{lines.length} lines</span>
        <button type="button" class="button quiet small" onClick={() => saveAs(new Blob([text], { type: 'text/plain' }), `${id}.log`)}>
          Download
        </button>
      </div>
      <pre class={wrap ? 'log wrap' : 'log'} ref={box} tabIndex={0} aria-label="Log">
        {lines.length === 0 && <span class="muted">{wanted ? 'No line holds this text.' : 'The log is empty so far.'}</span>}
        {lines.map((line, i) => (
          <span key={i} class={isBad(line) ? 'bad' : isWarning(line) ? 'odd' : undefined}>
            {line + '\n'}
          </span>
        ))}
      </pre>
    </>
  );
}

const isBad = (line: string): boolean => /\b(error|fatal|failed)\b/i.test(line);
const isWarning = (line: string): boolean => /\bwarn(ing)?\b/i.test(line);
