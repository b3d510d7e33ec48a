/* A small JSON editor: a text field with line numbers, where lines with faults are marked and the fault stands in the margin's
 * title. Tab stays the key that leaves the field. */
import { useMemo, useRef } from 'preact/hooks';
import { placeOf, places } from '../jsonpos';
import type { Fault } from '../wire';

interface EditorProps {
  text: string;
  onText(text: string): void;
  faults: readonly Fault[];
  area: { current: HTMLTextAreaElement | null };
}

export function Editor({ text, onText, faults, area }: EditorProps) {
  const gutter = useRef<HTMLDivElement>(null);
  const lines = text.split('\n').length;
  const bad = useMemo(() => {
    const map = places(text);
    const byLine = new Map<number, string[]>();
    for (const fault of faults) {
      const line = placeOf(map, fault.pointer)?.line ?? 1;
      byLine.set(line, [...(byLine.get(line) ?? []), `${fault.pointer}: ${fault.detail}`]);
    }
    return byLine;
  }, [text, faults]);
  return (
    <div class="editor">
      <div class="gutter" ref={gutter} aria-hidden="true">
        {Array.from({ length: lines }, (_, i) => (
          <div key={i} class={bad.has(i + 1) ? 'bad' : undefined} title={bad.get(i + 1)?.join('\n')}>
            {i + 1}
          </div>
        ))}
      </div>
      <textarea
        ref={area}
        value={text}
        rows={Math.min(48, Math.max(16, lines + 2))}
        spellcheck={false}
        autocomplete="off"
        autocapitalize="off"
        wrap="off"
        aria-label="Job as JSON"
        aria-invalid={faults.length > 0}
        onInput={(event) => onText(event.currentTarget.value)}
        onScroll={(event) => {
          if (gutter.current) gutter.current.scrollTop = event.currentTarget.scrollTop;
        }}
      />
    </div>
  );
}

/** Put the cursor on the field that a pointer names. */
export function showField(area: HTMLTextAreaElement | null, pointer: string): void {
  const place = area && placeOf(places(area.value), pointer);
  if (!area || !place) return;
  area.focus();
  area.setSelectionRange(place.start, pointer === '' ? place.start : place.end);
  const height = area.scrollHeight / area.value.split('\n').length;
  area.scrollTop = Math.max(0, (place.line - 4) * height);
}
