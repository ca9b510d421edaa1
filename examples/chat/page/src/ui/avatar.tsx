import { initialsOf, tintOf } from '../format.js';

/** The name stands beside it, or is its title. */
export function Avatar({ name, size = '' }: { name: string; size?: '' | 'small' | 'large' }) {
  return (
    <span class={`avatar tint-${tintOf(name)} ${size}`} aria-hidden="true">
      {initialsOf(name)}
    </span>
  );
}
