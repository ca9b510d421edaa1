import type { Room, SignedIn } from '../../contract.js';

/** Shorter than the server's deadline for authentication. */
const PATIENCE_MS = 8_000;

/** The server refused the name, or the login. Its message is for the person. */
export class NotSignedIn extends Error {}

/** The login has ended, so it gives no more tokens. */
export class LoginEnded extends NotSignedIn {}

/** @throws NotSignedIn with the server's message, or another error if the server could not be reached. */
export function signIn(name: string): Promise<SignedIn> {
  return post<SignedIn>('api/sign-in', { name });
}

/** A new token for a connection. @throws LoginEnded, or as `signIn` does. */
export async function freshToken(login: string): Promise<string> {
  const { token } = await post<{ token: string }>('api/token', { login });
  return token;
}

/** Ends the login, also for other windows that have it. */
export async function signOut(login: string): Promise<void> {
  await post('api/sign-out', { login });
}

async function post<T>(path: string, body: object): Promise<T> {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const answer = (await response.json()) as T & { error?: string };
  if (answer.error === undefined) return answer;
  throw response.status === 401 ? new LoginEnded(answer.error) : new NotSignedIn(answer.error);
}

export async function listRooms(): Promise<readonly Room[]> {
  const response = await fetch('api/rooms', { signal: AbortSignal.timeout(PATIENCE_MS) });
  const { rooms } = (await response.json()) as { rooms: readonly Room[] };
  return rooms;
}
