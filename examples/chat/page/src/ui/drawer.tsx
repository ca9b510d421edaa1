import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { CloseIcon } from './icons.js';

interface Props {
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** The browser's own modal dialog: it keeps the focus inside, and Escape closes it. */
export function Drawer({ isOpen, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const wasOpen = useRef(false);
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else if (wasOpen.current) dialog.current?.close();
    wasOpen.current = isOpen;
  }, [isOpen]);
  const clicked = (event: MouseEvent): void => {
    // The dialog's own box is full of its content: a click on itself is one beside it.
    if (event.target === dialog.current) onClose();
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape is the keyboard's way
    <dialog ref={dialog} class="drawer" aria-label="Rooms and people" onClose={onClose} onClick={clicked}>
      <div class="drawer-body">
        <button type="button" class="quiet drawer-close" onClick={onClose}>
          <CloseIcon />
          <span class="hidden">Close</span>
        </button>
        {children}
      </div>
    </dialog>
  );
}
