import type { IJoinAnswer, ILeaveAnswer } from '../protocol/messages.js';

/** A request's payload and its acknowledgement, as Socket.IO gives them: the callback last, and only if it was asked for. */
export function readRequest(args: readonly unknown[]): {
  payload: unknown;
  acknowledge: (answer: IJoinAnswer | ILeaveAnswer) => void;
} {
  const last = args.at(-1);
  const acknowledge = typeof last === 'function' ? (answer: unknown) => last(answer) : () => {};
  return { payload: typeof args[0] === 'function' ? undefined : args[0], acknowledge };
}
