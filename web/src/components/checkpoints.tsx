/* Checkpoints, newest first: what each holds, its digest, and the file. With a token the download goes through fetch, since a plain
 * link cannot carry a header. */
import { checkpointPath, download, hasToken, Problem } from '../api';
import { bytes, count, metric } from '../format';
import { warn } from '../notice';
import type { Checkpoint } from '../wire';
import { Copy } from './copy';
import { Ago } from './time';

export function Checkpoints({ list }: { list: readonly Checkpoint[] }) {
  if (list.length === 0) return <p class="empty-note">None yet. The first one comes after checkpoint.every_steps or every_ms, and one at the end in any case.</p>;
  const names = [...new Set(list.flatMap((row) => Object.keys(row.metrics ?? {})))].slice(0, 3);
  return (
    <div class="scroll">
      <table class="numbers wide">
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col">Written</th>
            <th scope="col">Size</th>
            {names.map((name) => (
              <th scope="col" key={name}>
                {name.replaceAll('_', ' ')}
              </th>
            ))}
            <th scope="col">SHA-256</th>
            <th scope="col">File</th>
          </tr>
        </thead>
        <tbody>
          {list.toSorted((a, b) => b.step - a.step).map((row) => (
            <tr key={row.id ?? row.step}>
              <th scope="row">
                {count(row.step)} {row.best && <span class="tag">best</span>}
              </th>
              <td>
                <Ago at={row.created_at} />
              </td>
              <td>{bytes(row.size_bytes)}</td>
              {names.map((name) => (
                <td key={name}>{metric(row.metrics?.[name])}</td>
              ))}
              <td class="digest">
                <code title={row.sha256}>{row.sha256?.slice(0, 12)}…</code>
                <Copy text={row.sha256 ?? ''} label="Copy" title="Copy the whole SHA-256" quiet />
              </td>
              <td>
                <Download row={row} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Download({ row }: { row: Checkpoint }) {
  if (!row.id) return null;
  if (row.delta) return <span title="The rows that changed since the checkpoint before: for a resume, no model by itself">delta</span>;
  const path = checkpointPath(row.id);
  const name = `${row.id}.safetensors`;
  if (!hasToken())
    return (
      <a class="button quiet small" href={path} download={name}>
        Download
      </a>
    );
  const fetchIt = (): void => {
    download(path, name).catch((cause: unknown) => warn(cause instanceof Problem ? cause.message : String(cause)));
  };
  return (
    <button type="button" class="button quiet small" onClick={fetchIt}>
      Download
    </button>
  );
}
