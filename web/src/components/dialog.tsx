/* Modal dialogs on the browser's own <dialog>: it traps the focus, closes on Escape and gives the focus back. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

export function Dialog({ title, onClose, children }: { title: string; onClose(): void; children: ComponentChildren }) {
  const box = useRef<HTMLDialogElement>(null);
  const gone = useRef(false); /* the browser tells of a close later, when the next dialog may already be open */
  useEffect(() => {
    const dialog = box.current;
    if (dialog && !dialog.open) dialog.showModal();
    return () => {
      gone.current = true;
      dialog?.close();
    };
  }, []);
  return (
    <dialog ref={box} aria-label={title} onClose={() => !gone.current && onClose()} onClick={(event) => event.target === box.current && onClose()}>
      <div class="dialog-body">
        <h2>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

interface Question {
  title: string;
  text: string;
  yes: string;
  danger?: boolean;
  onYes(): void;
  onNo(): void;
}

export function Confirm({ title, text, yes, danger, onYes, onNo }: Question) {
  return (
    <Dialog title={title} onClose={onNo}>
      <p>{text}</p>
      <div class="row end">
        <button type="button" class="button" onClick={onNo}>
          Keep it
        </button>
        <button type="button" class={danger ? 'button danger' : 'button primary'} onClick={onYes} autofocus>
          {yes}
        </button>
      </div>
    </Dialog>
  );
}
