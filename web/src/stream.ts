/* Server-sent events over fetch, not EventSource: only so can the token travel as a header and the last id as `Last-Event-ID` on
 * the first connection too. Reconnects with growing pauses and resumes by the last id, so no event is lost or doubled; a silent
 * connection (no event and no heartbeat) is cut and made again. Ends for good on `event: end`, on 204, or when closed. */
import { authorization, problemOf } from './api';

export interface Message {
  id: string;
  event: string;
  data: string;
}

/** The wire format of HTML Living Standard section 9.2.6, fed in pieces of any size. */
export class Parser {
  private rest = '';
  private data: string[] = [];
  private event = '';
  lastId: string;
  retryMs = 0;

  constructor(lastId = '') {
    this.lastId = lastId;
  }

  feed(text: string): Message[] {
    const out: Message[] = [];
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.line(line, out);
    return out;
  }

  private line(line: string, out: Message[]): void {
    if (line === '') {
      if (this.data.length > 0) out.push({ id: this.lastId, event: this.event || 'message', data: this.data.join('\n') });
      this.data = [];
      this.event = '';
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return; /* a comment: the heartbeat */
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    if (field === 'data') this.data.push(value);
    else if (field === 'event') this.event = value;
    else if (field === 'id' && !value.includes('\0')) this.lastId = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.retryMs = Number(value);
  }
}

export type Link = 'connecting' | 'live' | 'waiting' | 'ended' | 'refused';

export interface StreamOptions {
  lastId?: string;
  onMessage(message: Message): void;
  onLink(link: Link): void;
}

export interface Stream {
  close(): void;
}

const SILENCE_MS = 45_000; /* three heartbeats */
const PAUSE_MS = { first: 500, most: 15_000 };

export function openStream(path: string, options: StreamOptions): Stream {
  const closed = new AbortController();
  let lastId = options.lastId ?? '';
  let pause = PAUSE_MS.first;

  async function connect(): Promise<'ended' | 'refused' | 'again'> {
    const cut = new AbortController();
    const stop = (): void => cut.abort();
    closed.signal.addEventListener('abort', stop);
    let watchdog = setTimeout(stop, SILENCE_MS);
    try {
      const headers: Record<string, string> = { Accept: 'text/event-stream', ...authorization() };
      if (lastId) headers['Last-Event-ID'] = lastId;
      const response = await fetch(path, { headers, signal: cut.signal, cache: 'no-store' });
      if (response.status === 204) return 'ended';
      if (!response.ok || !response.body) {
        const problem = await problemOf(response);
        const again = problem.status >= 500 || problem.status === 429 || problem.status === 408;
        return again ? 'again' : 'refused';
      }
      options.onLink('live');
      pause = PAUSE_MS.first;
      const parser = new Parser(lastId);
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return 'again';
        clearTimeout(watchdog);
        watchdog = setTimeout(stop, SILENCE_MS);
        for (const message of parser.feed(decoder.decode(value, { stream: true }))) {
          options.onMessage(message);
          lastId = message.id;
          if (message.event === 'end') return 'ended';
        }
        lastId = parser.lastId;
        if (parser.retryMs > 0) pause = Math.min(parser.retryMs, PAUSE_MS.most);
      }
    } catch {
      return 'again'; /* cut by the network, the watchdog or close() */
    } finally {
      clearTimeout(watchdog);
      closed.signal.removeEventListener('abort', stop);
      cut.abort();
    }
  }

  async function live(): Promise<void> {
    while (!closed.signal.aborted) {
      options.onLink('connecting');
      const outcome = await connect();
      if (closed.signal.aborted) return;
      if (outcome !== 'again') return options.onLink(outcome);
      options.onLink('waiting');
      const wait = pause * (0.75 + Math.random() / 2);
      pause = Math.min(pause * 2, PAUSE_MS.most);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, wait);
        closed.signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
      });
    }
  }

  void live();
  return { close: () => closed.abort() };
}
