/* Where the values of a JSON text stand: JSON pointer (RFC 6901) to line and offsets, for showing the server's faults beside the
 * fields that they are about. Reads what JSON.parse reads; on broken JSON it keeps what came before the break. */

export interface Place {
  line: number; /* from 1 */
  start: number; /* of the value, or of the key when there is one */
  end: number;
}

const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const SCALAR = /[^\s,\]}]+/y;
const DEPTH_MAX = 64;

export function places(text: string): Map<string, Place> {
  const out = new Map<string, Place>();
  let at = 0;
  let line = 1;

  function take(pattern: RegExp): string | null {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found === undefined) return null;
    at += found.length;
    for (const c of found) if (c === '\n') line++;
    return found;
  }

  function is(mark: string): boolean {
    take(SPACE);
    if (text[at] !== mark) return false;
    at++;
    return true;
  }

  function value(pointer: string, depth: number, from?: Place): boolean {
    take(SPACE);
    const place = from ?? { line, start: at, end: at };
    let good: boolean;
    if (depth > DEPTH_MAX) return false;
    if (text[at] === '{') good = members(pointer, depth);
    else if (text[at] === '[') good = elements(pointer, depth);
    else good = take(text[at] === '"' ? STRING : SCALAR) !== null;
    place.end = at;
    out.set(pointer, place);
    return good;
  }

  function members(pointer: string, depth: number): boolean {
    at++;
    if (is('}')) return true;
    do {
      take(SPACE);
      const place = { line, start: at, end: at };
      const key = take(STRING);
      if (key === null || !is(':')) return false;
      if (!value(`${pointer}/${escapeKey(key)}`, depth + 1, place)) return false;
    } while (is(','));
    return is('}');
  }

  function elements(pointer: string, depth: number): boolean {
    at++;
    if (is(']')) return true;
    let index = 0;
    do {
      if (!value(`${pointer}/${index++}`, depth + 1)) return false;
    } while (is(','));
    return is(']');
  }

  value('', 0);
  return out;
}

function escapeKey(quoted: string): string {
  let key: string;
  try {
    key = JSON.parse(quoted) as string;
  } catch {
    key = quoted.slice(1, -1);
  }
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** The place of a pointer, or of the nearest object around it when the field itself is missing. */
export function placeOf(map: ReadonlyMap<string, Place>, pointer: string): Place | undefined {
  for (let at = pointer; ; at = at.slice(0, at.lastIndexOf('/'))) {
    const place = map.get(at);
    if (place || at === '') return place;
  }
}
