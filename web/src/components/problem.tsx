/* What the server refused, in its own words, with every fault beside its pointer. */
import type { Problem } from '../api';
import type { Fault } from '../wire';

export function ProblemBox({ problem, onFault }: { problem: Problem; onFault?(fault: Fault): void }) {
  return (
    <div class="problem" role="alert">
      <strong>{problem.title}</strong>
      {problem.faults.length === 0 ? <p>{problem.message}</p> : <FaultList faults={problem.faults} onFault={onFault} />}
    </div>
  );
}

function FaultList({ faults, onFault }: { faults: Fault[]; onFault: ((fault: Fault) => void) | undefined }) {
  return (
    <ul class="faults">
      {faults.map((fault, i) => (
        <li key={i}>
          {onFault ? (
            <button type="button" class="pointer" onClick={() => onFault(fault)} title="Go to this field">
              {fault.pointer || '/'}
            </button>
          ) : (
            <code class="pointer">{fault.pointer || '/'}</code>
          )}
          <span>{fault.detail}</span>
        </li>
      ))}
    </ul>
  );
}
