import type { Room, SignedIn } from '../../words.js';

/** Below the time that the server gives a connection for authenticating. */
const PATIENCE_MS = 8_000;

/** The server said no: another try with the same name gives the same answer. */
export class NotSignedIn extends Error {}

/** @throws NotSignedIn with the server's words; another error where the server was not reached. */
export async function signIn(name: string): Promise<SignedIn> {
  const response = await fetch('api/sign-in', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const answer = (await response.json()) as SignedIn | { error: string };
  if ('error' in answer) throw new NotSignedIn(answer.error);
  return answer;
}

export async function listRooms(): Promise<readonly Room[]> {
  const response = await fetch('api/rooms', { signal: AbortSignal.timeout(PATIENCE_MS) });
  const { rooms } = (await response.json()) as { rooms: readonly Room[] };
  return rooms;
}
