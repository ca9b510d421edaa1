import type { Room, SignedIn } from '../../words.js';

/** Shorter than the server's deadline for authentication. */
const PATIENCE_MS = 8_000;

/** The server refused the name. */
export class NotSignedIn extends Error {}

/** @throws NotSignedIn with the server's message, or another error if the server could not be reached. */
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
