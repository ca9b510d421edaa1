import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { CloseIcon } from './icons.js';

interface Props {
  readonly label: string;
  readonly side: 'left' | 'right';
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** The browser's own modal dialog. It keeps the focus inside, and Escape closes it. */
export function Drawer({ label, side, isOpen, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const wasOpen = useRef(false);
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else if (wasOpen.current) dialog.current?.close();
    wasOpen.current = isOpen;
  }, [isOpen]);
  const clicked = (event: MouseEvent): void => {
    // The content fills the dialog, so a click whose target is the dialog itself is a click beside it.
    if (event.target === dialog.current) onClose();
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape is the keyboard's way
    <dialog ref={dialog} class={`drawer ${side}`} aria-label={label} onClose={onClose} onClick={clicked}>
      <div class="drawer-body">
        <button type="button" class="quiet square drawer-close" onClick={onClose}>
          <CloseIcon />
          <span class="hidden">Close</span>
        </button>
        {children}
      </div>
    </dialog>
  );
}
