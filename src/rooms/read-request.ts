import type { IJoinAnswer, ILeaveAnswer } from '../protocol/messages.js';

/** The payload and the acknowledgement of a request, as Socket.IO passes them: the callback is last, and optional. */
export function readRequest(args: readonly unknown[]): {
  payload: unknown;
  acknowledge: (answer: IJoinAnswer | ILeaveAnswer) => void;
} {
  const last = args.at(-1);
  const acknowledge = typeof last === 'function' ? (answer: unknown) => last(answer) : () => {};
  return { payload: typeof args[0] === 'function' ? undefined : args[0], acknowledge };
}
