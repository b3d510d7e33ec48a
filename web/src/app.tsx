/* The frame around all pages: header, route, token, help, notices. */
import { useEffect, useState } from 'preact/hooks';
import { hasToken, setToken } from './api';
import { Dialog } from './components/dialog';
import { KEYS_HELP, useKeys } from './keys';
import { links } from './link';
import { notices } from './notice';
import { JobPage } from './pages/job';
import { JobsPage } from './pages/jobs';
import { NewPage } from './pages/new';
import { go, parse, toJobs, toNew, type Route } from './route';
import { useStore } from './store';
import type { Link } from './stream';
import { setTheme, theme, type Theme } from './theme';

const NEXT_THEME: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };

function useRoute(): Route {
  const [route, setRoute] = useState(() => parse(location.hash));
  useEffect(() => {
    const update = (): void => setRoute(parse(location.hash));
    addEventListener('hashchange', update);
    return () => removeEventListener('hashchange', update);
  }, []);
  return route;
}

export function App() {
  const route = useRoute();
  const [help, setHelp] = useState(false);
  const [locked, setLocked] = useState(false);
  const [generation, setGeneration] = useState(0);
  const [chosen, setChosen] = useState<Theme>(theme());

  useEffect(() => {
    const lock = (): void => setLocked(true);
    const unlock = (): void => {
      setLocked(false);
      setGeneration((n) => n + 1); /* pages start anew with the token */
    };
    addEventListener('unauthorized', lock);
    addEventListener('token', unlock);
    return () => {
      removeEventListener('unauthorized', lock);
      removeEventListener('token', unlock);
    };
  }, []);

  useEffect(() => {
    document.title = route.page === 'job' ? `${route.id} · Trainyard` : route.page === 'new' ? 'New job · Trainyard' : 'Trainyard';
    scrollTo(0, 0);
  }, [route.page, route.id]);

  function nextTheme(): void {
    const next = NEXT_THEME[theme()]; /* not the state: two quick presses are two steps */
    setTheme(next);
    setChosen(next);
  }

  useKeys({ '?': () => setHelp(true), n: () => go(toNew), t: nextTheme });

  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById('main')?.querySelector<HTMLElement>('a, button, input')?.focus();
        }}
      >
        Skip to the content
      </a>
      <header class="bar">
        <a class="brand" href={toJobs} aria-label="Trainyard">
          <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
            <path d="M10 28 13 4M22 28 19 4" />
            <path class="ties" d="M7.5 23.5h17M9 17h14M10.4 10.5h11.2" />
          </svg>
          <span class="brand-word">Trainyard</span>
        </a>
        <nav aria-label="Pages">
          <a href={toJobs} aria-current={route.page === 'jobs' ? 'page' : undefined}>
            Jobs
          </a>
          <a href={toNew} aria-current={route.page === 'new' ? 'page' : undefined}>
            New job
          </a>
        </nav>
        <span class="spacer" />
        <LinkLamp />
        {hasToken() && (
          <button type="button" class="button quiet small" onClick={() => setToken('')}>
            Sign out
          </button>
        )}
        <button type="button" class="button quiet small" onClick={nextTheme} title="Colours: light, dark or as the system (t)">
          <span class="muted">Theme</span> {chosen}
        </button>
        <button type="button" class="button quiet small" onClick={() => setHelp(true)} aria-label="Keyboard help" title="Keyboard help (?)">
          ?
        </button>
      </header>
      <Page key={generation} route={route} />
      {help && <Help onClose={() => setHelp(false)} />}
      {locked && <TokenEntry onClose={() => setLocked(false)} />}
      <Notices />
    </>
  );
}

function Page({ route }: { route: Route }) {
  switch (route.page) {
    case 'jobs':
      return <JobsPage route={route} />;
    case 'job':
      return <JobPage key={route.id} route={route} />;
    case 'new':
      return <NewPage />;
    default:
      return (
        <main class="page" id="main">
          <h1>There is no such page</h1>
          <p>
            <a href={toJobs}>To the jobs</a>
          </p>
        </main>
      );
  }
}

const LAMP: Record<Link, string> = {
  connecting: 'Connecting',
  live: 'Live',
  waiting: 'No connection, trying again',
  ended: 'Complete',
  refused: 'Not live',
};

function LinkLamp() {
  const { link } = useStore(links);
  return (
    <span class={`lamp lamp-${link ?? 'none'}`} role="status">
      {link ? LAMP[link] : ''}
    </span>
  );
}

function Help({ onClose }: { onClose(): void }) {
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <dl class="keys">
        {KEYS_HELP.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <div class="row end">
        <button type="button" class="button primary" onClick={onClose} autofocus>
          Close
        </button>
      </div>
    </Dialog>
  );
}

function TokenEntry({ onClose }: { onClose(): void }) {
  const [token, change] = useState('');
  return (
    <Dialog title="This server asks for a token" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (token.trim()) setToken(token.trim());
        }}
      >
        <p>{hasToken() ? 'The token was refused. Enter another one.' : 'Enter the token that trainyard serve was started with. It is kept until this tab closes.'}</p>
        <label class="field">
          Token
          <input type="password" autocomplete="off" value={token} onInput={(event) => change(event.currentTarget.value)} autofocus />
        </label>
        <div class="row end">
          <button type="submit" class="button primary" disabled={!token.trim()}>
            Go on
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Notices() {
  const { spoken, shown } = useStore(notices);
  return (
    <>
      <p class="offscreen" aria-live="polite" id="spoken">
        {spoken}
      </p>
      <div class="notices">
        {shown.map(({ key, text, tone }) => (
          <div key={key} class={`notice notice-${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
            {text}
            <button type="button" class="button quiet small" aria-label="Close" onClick={() => notices.hide(key)}>
              ×
            </button>
          </div>
        ))}
      </div>
    </>
  );
}
