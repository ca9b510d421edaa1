import type { TargetedEvent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { checkedName } from '../../../names.js';
import { NotSignedIn } from '../api.js';
import { useSession } from '../session.js';
import { DoorIcon } from './icons.js';

export function SignIn() {
  const session = useSession();
  const [error, setError] = useState('');
  const [isBusy, setBusy] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);

  const refuse = (problem: string): void => {
    setError(problem);
    setBusy(false);
    input.current?.focus();
  };
  const submit = async (event: TargetedEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    if (isBusy) return;
    const checked = checkedName(input.current?.value);
    if ('problem' in checked) return refuse(checked.problem);
    setBusy(true);
    setError('');
    try {
      await session.signIn(checked.name);
    } catch (problem) {
      refuse(problem instanceof NotSignedIn ? problem.message : 'The server does not answer. Try again in a moment.');
    }
  };
  const changed = (event: TargetedEvent<HTMLInputElement>): void => {
    // The message goes once the name is right, and does not come back while somebody is still typing.
    if (error !== '' && 'name' in checkedName(event.currentTarget.value)) setError('');
  };

  return (
    <main class="sign-in">
      <form class="card" onSubmit={(event) => void submit(event)} noValidate>
        <span class="mark">
          <DoorIcon />
        </span>
        <h1>Roomgate chat</h1>
        <p class="lead">An example of rooms, direct messages and presence, built with Roomgate.</p>
        <label for="name">Your name</label>
        <input
          ref={input}
          id="name"
          name="name"
          type="text"
          autocomplete="nickname"
          autocapitalize="words"
          spellcheck={false}
          required
          aria-invalid={error !== ''}
          aria-describedby="name-error name-hint"
          onInput={changed}
        />
        <p id="name-error" class="error" role="alert">
          {error.split('`').map((part, n) => (n % 2 === 0 ? part : <code key={n}>{part}</code>))}
        </p>
        <button type="submit" class="primary" aria-disabled={isBusy}>
          {isBusy ? 'Signing in…' : 'Sign in'}
        </button>
        <p id="name-hint" class="hint">
          This example has no passwords: anyone can use any name. Open two windows to be two people.
        </p>
      </form>
    </main>
  );
}
