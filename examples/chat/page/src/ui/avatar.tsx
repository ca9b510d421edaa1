import { initialsOf, tintOf } from '../format.js';

/** Decoration: the name is beside it. */
export function Avatar({ name, size = '' }: { name: string; size?: '' | 'small' | 'large' }) {
  return (
    <span class={`avatar tint-${tintOf(name)} ${size}`} aria-hidden="true">
      {initialsOf(name)}
    </span>
  );
}
