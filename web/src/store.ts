/* What pages watch: a value that tells its listeners when it changed, at most ten times a second however fast events come. */
import { useEffect, useReducer } from 'preact/hooks';

const QUIET_MS = 100;

export class Store {
  private readonly listeners = new Set<() => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  version = 0;

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  protected changed(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.version++;
      for (const listener of this.listeners) listener();
    }, QUIET_MS);
  }
}

/** Render again whenever the store changes. */
export function useStore<T extends Store>(store: T): T {
  const [, again] = useReducer((n: number) => n + 1, 0);
  useEffect(() => store.subscribe(() => again(undefined)), [store]);
  return store;
}

/** The current time, renewed each `everyMs`, for ages that stay true. */
export function useNow(everyMs = 1000): number {
  const [, again] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const timer = setInterval(() => again(undefined), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return Date.now();
}
