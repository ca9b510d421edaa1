import type { State } from './state.js';

/** How the connection looks to its user. */
export interface Line {
  readonly tone: 'ok' | 'busy' | 'warn' | 'bad' | 'off';
  readonly label: string;
  /** One more sentence, if there is one. */
  readonly detail?: string;
  /** The time of the next attempt, in milliseconds since 1970. */
  readonly retryAt?: number;
  /** The action for the user, as the text of a button. */
  readonly action?: 'Sign in again' | 'Try now' | 'Connect';
}

/** By the code of the server. */
const REFUSED: Readonly<Record<string, string>> = { revoked: 'Removed', banned: 'Banned' };

export function describeLine({ line, isOnline, health, life }: State): Line {
  const { status, code = '', message, retryAt } = line;
  if (status === 'refused') {
    const detail = message === undefined || message === '' ? 'The server refused this client.' : message;
    return { tone: 'bad', label: REFUSED[code] ?? 'Signed out', detail, action: 'Sign in again' };
  }
  if (status === 'authenticated') {
    if (health.degraded) return { tone: 'warn', label: 'Connected, degraded', detail: health.message };
    return { tone: 'ok', label: 'Connected' };
  }
  if (!isOnline) return { tone: 'off', label: 'Offline' };
  switch (status) {
    case 'disconnected':
      return { tone: 'off', label: 'Disconnected', action: 'Connect' };
    case 'waiting':
      return { tone: 'busy', label: 'Reconnecting', action: 'Try now', ...(retryAt === undefined ? {} : { retryAt }) };
    case 'connecting':
      return { tone: 'busy', label: life > 0 ? 'Reconnecting' : 'Connecting' };
    default:
      return { tone: 'busy', label: 'Signing in' };
  }
}

/** Whether a message written now is sent, now or once the client has reconnected by itself. */
export function canWrite({ line }: State): boolean {
  return line.status !== 'refused' && line.status !== 'disconnected';
}
