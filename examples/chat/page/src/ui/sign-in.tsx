import type { TargetedEvent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { MAX_NAME } from '../../../words.js';
import { NotSignedIn } from '../api.js';
import { useSession } from '../session.js';
import { DoorIcon } from './icons.js';

export function SignIn() {
  const session = useSession();
  const [error, setError] = useState('');
  const [isBusy, setBusy] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);

  const submit = async (event: TargetedEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    setError('');
    try {
      await session.signIn(input.current?.value ?? '');
    } catch (problem) {
      const isAnswer = problem instanceof NotSignedIn;
      setError(isAnswer ? problem.message : 'The server does not answer. Try again in a moment.');
      setBusy(false);
      input.current?.focus();
    }
  };

  return (
    <main class="sign-in">
      <form class="card" onSubmit={(event) => void submit(event)} noValidate>
        <span class="mark">
          <DoorIcon />
        </span>
        <h1>Roomgate chat</h1>
        <p class="lead">A few rooms, the people who are in them, and one door in front.</p>
        <label for="name">Your name</label>
        <input
          ref={input}
          id="name"
          name="name"
          type="text"
          maxLength={MAX_NAME}
          autocomplete="nickname"
          autocapitalize="words"
          spellcheck={false}
          required
          aria-invalid={error !== ''}
          aria-describedby="name-error name-hint"
        />
        <p id="name-error" class="error" role="alert">
          {error}
        </p>
        <button type="submit" class="primary" aria-disabled={isBusy}>
          {isBusy ? 'One moment…' : 'Come in'}
        </button>
        <p id="name-hint" class="hint">
          There is no password, since this is an example: whoever gives a name is taken for that person. Two windows can
          be two people.
        </p>
      </form>
    </main>
  );
}
