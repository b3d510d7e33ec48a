/* Every kind that a spec may name, with its options, straight from the server's tables: the form's own manual. */
import type { Json, KindOption, Kinds } from '../wire';

export function KindList({ kinds }: { kinds: Kinds }) {
  return (
    <div class="kinds">
      {Object.entries(kinds)
        .filter(([, list]) => Array.isArray(list))
        .map(([section, list]) => (
          <section key={section}>
            <h3>{section.replaceAll('_', ' ')}</h3>
            {list.map((kind) => (
              <details key={kind.name}>
                <summary>
                  <code>{kind.name}</code> <span class="muted">{kind.summary}</span>
                </summary>
                {kind.source && <p class="muted small">{kind.source}</p>}
                <dl>
                  {(kind.options ?? []).map((option) => (
                    <div key={option.name}>
                      <dt>
                        <code>{option.name}</code> <span class="muted small">{limits(option)}</span>
                      </dt>
                      <dd class="small">{option.help}</dd>
                    </div>
                  ))}
                </dl>
              </details>
            ))}
          </section>
        ))}
    </div>
  );
}

function limits({ type, default: def, min, max, choices }: KindOption): string {
  const parts = [choices?.length ? choices.join(' | ') : type];
  if (min !== undefined && min !== null && max !== undefined && max !== null) parts.push(`${min} … ${max}`);
  if (def !== undefined && def !== null && def !== '') parts.push(`default ${plain(def)}`);
  return parts.join(', ');
}

const plain = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value));
