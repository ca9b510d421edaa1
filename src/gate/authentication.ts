import { describe } from '../common/describe.js';
import type { IHandshake, TSocketIOAuthenticateFn } from '../ports/options.js';
import type { Report } from '../ports/reports.js';

export type AuthenticationVerdict =
  | { readonly accepted: true }
  | { readonly accepted: false; readonly report?: Report };

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
    return { accepted: false, report: { type: 'authentication_not_boolean', client, given: describe(answer) } };
  } catch (error) {
    return { accepted: false, report: { type: 'authentication_failed', client, error } };
  }
}
