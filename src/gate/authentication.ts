import { describe } from '../common/describe.js';
import type { IHandshake, TSocketIOAuthenticateFn } from '../ports/options.js';
import type { GateReport } from './reports.js';

export type AuthenticationVerdict =
  | { readonly accepted: true }
  | { readonly accepted: false; readonly report?: GateReport };

/** Asks the program about a client. Never rejects: whatever goes wrong is a refusal. */
export async function authenticate(
  client: string,
  handshake: IHandshake,
  authenticateFn: TSocketIOAuthenticateFn,
): Promise<AuthenticationVerdict> {
  try {
    const answer: unknown = await authenticateFn(handshake);
    if (answer === true) return { accepted: true };
    if (answer === false) return { accepted: false };
    return { accepted: false, report: { type: 'authenticate_fn_result_invalid', client, received: describe(answer) } };
  } catch (error) {
    return { accepted: false, report: { type: 'authenticate_fn_failed', client, error } };
  }
}
