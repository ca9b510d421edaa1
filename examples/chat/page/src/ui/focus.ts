/** Focuses the composer. On a phone that would open the keyboard, so there it focuses the heading. */
export function focusConversation(): void {
  const composer = document.querySelector<HTMLTextAreaElement>('#composer');
  const hasKeyboard = matchMedia('(min-width: 800px)').matches;
  if (hasKeyboard && composer !== null && !composer.disabled) composer.focus();
  else focusMain();
}

export function focusMain(): void {
  document.querySelector<HTMLElement>('#conversation-title')?.focus();
}
