// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { nextStep } from '../../src/client/ending.js';

type End = Parameters<typeof nextStep>[0];

const LOST: End = { reason: 'transport close', ending: undefined, isActive: true, isReturning: true };

describe('after its connection has ended, a client', () => {
  it.each<[string, Partial<End>, ReturnType<typeof nextStep>]>([
    ['waits for Socket.IO, which reconnects', {}, 'wait'],
    ['ends without reconnection', { isReturning: false }, 'end'],
    ['ends if the server disconnected it', { reason: 'io server disconnect', isActive: false }, 'end'],
    ['ends if the program disconnected it', { reason: 'io client disconnect', isActive: false }, 'end'],
    [
      'comes back after a timeout of its own',
      { reason: 'io client disconnect', ending: 'retry', isActive: false },
      'come back',
    ],
    ['connects if the program asked for it after a refusal', { ending: 'connect', isActive: false }, 'connect'],
    ['waits if it may reconnect, and the connection broke', { ending: 'reconnect' }, 'wait'],
    [
      'comes back if it may reconnect, and the server disconnected it',
      { ending: 'reconnect', isActive: false },
      'come back',
    ],
    ['leaves if it was refused, and the connection broke', { ending: 'stay ended' }, 'leave'],
    ['does nothing more if it was refused and disconnected', { ending: 'stay ended', isActive: false }, 'none'],
  ])('%s', (_, end, step) => {
    expect(nextStep({ ...LOST, ...end })).toBe(step);
  });
});
