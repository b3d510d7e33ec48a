/* A new job: the spec as JSON, checked by the server as often as wanted, then submitted once. All faults are shown beside their
 * fields. One idempotency key goes with one text, so that pressing twice, or again after a lost answer, makes one job. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { asCurl, getKinds, newKey, pretty, Problem, submit, validate } from '../api';
import { Copy } from '../components/copy';
import { Editor, showField } from '../components/editor';
import { KindList } from '../components/kinds';
import { Fold } from '../components/panel';
import { ProblemBox } from '../components/problem';
import { DEMO_COMMAND, demoText } from '../demo';
import { keepForm, keptForm } from '../draft';
import { duration, bytes } from '../format';
import { announce, tell } from '../notice';
import { go, toJob } from '../route';
import type { JsonObject, Kinds } from '../wire';

export function NewPage() {
  const [text, setText] = useState(() => keptForm() || demoText());
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [valid, setValid] = useState<JsonObject | null>(null);
  const [kinds, setKinds] = useState<Kinds | null>(null);
  const key = useRef(newKey());
  const area = useRef<HTMLTextAreaElement>(null);

  useEffect(() => {
    getKinds().then(setKinds, () => setKinds(null)); /* without it the form still works */
  }, []);

  function change(next: string): void {
    setText(next);
    keepForm(next);
    setValid(null);
    key.current = newKey();
  }

  async function send(kind: 'validate' | 'submit'): Promise<void> {
    const local = brokenAt(text);
    setProblem(local);
    setValid(null);
    if (local) return;
    setBusy(true);
    try {
      if (kind === 'validate') {
        setValid(await validate(text));
        announce('The spec is valid');
      } else {
        const job = await submit(text, key.current);
        key.current = newKey();
        keepForm('');
        tell(`${job.name || job.id} was submitted`);
        go(toJob(job.id));
        return;
      }
    } catch (cause) {
      setProblem(cause instanceof Problem ? cause : new Problem(0, { detail: String(cause) }));
    }
    setBusy(false);
  }

  return (
    <main class="page" id="main">
      <div class="row head">
        <h1>New job</h1>
        <span class="spacer" />
        <button type="button" class="button quiet small" onClick={() => change(demoText())}>
          Demo spec
        </button>
        <Copy text={() => asCurl('POST', '/v1/jobs', compact(text))} label="Copy as curl" quiet />
      </div>
      <p class="muted">
        The demo reads <code>file:demo.tsv</code> below a data root of the server. Make it with <code class="nowrap">{DEMO_COMMAND}</code>
      </p>
      <div class="new">
        <div>
          <Editor text={text} onText={change} faults={problem?.faults ?? []} area={area} />
          <div class="row">
            <button type="button" class="button primary" disabled={busy} onClick={() => void send('submit')}>
              Submit
            </button>
            <button type="button" class="button" disabled={busy} onClick={() => void send('validate')}>
              Validate
            </button>
            <span class="muted small">Only dataset and model.kind are needed; everything else has a default.</span>
          </div>
        </div>
        <div class="answers" aria-live="polite">
          {problem && <ProblemBox problem={problem} onFault={(fault) => showField(area.current, fault.pointer)} />}
          {valid && <Valid answer={valid} />}
          {kinds && (
            <Fold id="kinds" title="What can stand here" aside="from GET /v1/kinds" open={!problem && !valid}>
              <KindList kinds={kinds} />
            </Fold>
          )}
        </div>
      </div>
    </main>
  );
}

function compact(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}

/** A text that is no JSON never leaves the page: the browser says where it breaks. */
function brokenAt(text: string): Problem | null {
  try {
    JSON.parse(text);
    return null;
  } catch (cause) {
    return new Problem(400, { title: 'This is not JSON yet', errors: [{ pointer: '', detail: String((cause as Error).message) }] });
  }
}

function Valid({ answer }: { answer: JsonObject }) {
  const resolved = (answer.spec ?? answer.resolved ?? answer) as JsonObject;
  const estimates = [
    typeof answer.memory_bytes === 'number' ? `about ${bytes(answer.memory_bytes)} of memory` : '',
    typeof answer.duration_ms === 'number' ? `about ${duration(answer.duration_ms)}` : '',
  ].filter(Boolean);
  return (
    <section class="panel good" role="status">
      <h2>Valid</h2>
      <p class="muted">{estimates.length > 0 ? `It would take ${estimates.join(' and ')}. ` : ''}With every default filled in:</p>
      <div class="command">
        <pre tabIndex={0}>{pretty(resolved)}</pre>
        <Copy text={pretty(resolved)} label="Copy" quiet />
      </div>
    </section>
  );
}
