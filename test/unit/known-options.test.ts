// npm test: node, bun
import { describe, expect, it } from 'vitest';
import { checkNames } from '../../src/common/known-options.js';

const KNOWN = [
  'host',
  'port',
  'authenticateFn',
  'validateRoomFn',
  'onReport',
  'onConnected',
  'onDisconnected',
  'limits',
];
const check = (given: object, parent?: string) => checkNames('Some', given, KNOWN, parent);

describe('names of options', () => {
  it.each([
    ['validateRoomFN', 'validateRoomFn'],
    ['authenticatefn', 'authenticateFn'],
    ['authenticate', 'authenticateFn'],
    ['autheticateFn', 'authenticateFn'],
    ['atuhenticateFn', 'authenticateFn'],
    ['validate_room_fn', 'validateRoomFn'],
    ['validateRooms', 'validateRoomFn'],
    ['onreport', 'onReport'],
    ['onDisconnect', 'onDisconnected'],
    ['onConnect', 'onConnected'],
    ['limit', 'limits'],
    ['hosts', 'host'],
    ['prot', 'port'],
  ])('refuses %s and names %s', (wrong, meant) => {
    expect(() => check({ [wrong]: 1 })).toThrow(
      expect.objectContaining({
        code: 'invalid_option',
        message: `Some: option "${wrong}" does not exist. Did you mean "${meant}"?`,
      }),
    );
  });

  it.each(['scope', 'timeout', 'logger', 'h', 'ports2go', '', '__proto__x', 'constructor', 'onError'])(
    'returns %s, which is not close to a known name',
    (name) => {
      expect(check({ [name]: 1 })).toEqual([name]);
    },
  );

  it('does not count undefined values, or known names', () => {
    expect(check({ host: 1, port: undefined, validateRoomFN: undefined, other: undefined })).toEqual([]);
  });

  it('names the option that contains the name', () => {
    expect(check({ other: 1 }, 'limits')).toEqual(['limits.other']);
    expect(() => check({ hots: 1 }, 'limits')).toThrow(
      'option "limits.hots" does not exist. Did you mean "limits.host"?',
    );
  });

  it('names the closest of several', () => {
    expect(() => checkNames('Some', { abcdee: 1 }, ['abcdxy', 'abcdef'])).toThrow('Did you mean "abcdef"?');
  });
});
