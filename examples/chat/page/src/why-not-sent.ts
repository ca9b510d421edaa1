import { isRequestError, type RequestErrorCode } from 'roomgate/client';

/** In plain words, by the code. Other codes come with a sentence of the server for the person. */
const REASONS: Readonly<Partial<Record<RequestErrorCode, string>>> = {
  expired: 'the connection was lost for too long',
  timed_out: 'the connection was lost for too long',
  refused: 'you are signed out',
  disconnected: 'you are disconnected',
  not_connected: 'you are disconnected',
  queue_full: 'too many messages are waiting already',
  shut_down: 'you signed out',
  not_in_room: 'you are not in this room',
  invalid: 'the server can\u2019t read this text',
  too_large: 'it is too long',
};

/** Completes the sentence that begins with "Not sent:". */
export function whyNotSent(error: unknown): string {
  if (!isRequestError(error)) return 'it could not be sent';
  const { code, retryAfter, message } = error;
  if (retryAfter !== undefined) return `too many messages in a short time. Send it again in ${secondsOf(retryAfter)}`;
  return REASONS[code as RequestErrorCode] ?? message;
}

function secondsOf(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1_000));
  return seconds === 1 ? 'a second' : `${seconds} seconds`;
}
