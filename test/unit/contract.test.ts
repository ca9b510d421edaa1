// npm test: node, bun
import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineContract } from '../../src/client/index.js';
import {
  ANSWER_ERRORS,
  isOwnCode,
  isRequestCode,
  ROOM_ERRORS,
  ROOMGATE_CODES,
  UNAUTHENTICATED_ERRORS,
} from '../../src/protocol/errors.js';

const schema = z.string();

describe('defineContract()', () => {
  it('returns a frozen copy with the schemas of any library', () => {
    const given = {
      up: {
        say: { input: z.object({ text: z.string() }), output: v.object({ id: v.string() }), errors: ['away'] },
        stop: {},
      },
      down: { said: type('string') },
    };
    const contract = defineContract(given);
    expect(contract.up.say.input).toBe(given.up.say.input);
    expect(contract.down.said).toBe(given.down.said);
    // So that `handle()` lets the handler of `stop` use no code.
    expect(contract.up.stop).toEqual({ errors: [] });
    const parts = [contract, contract.up, contract.down, contract.up.say, contract.up.say.errors, contract.up.stop];
    expect(parts.filter((part) => !Object.isFrozen(part))).toEqual([]);
    given.up.say.errors.push('late');
    expect(contract.up.say.errors).toEqual(['away']);
  });

  it.each(['authenticate', 'join', 'leave', 'connection', 'new_namespace', 'disconnect', 'roomgate:x', ''])(
    'refuses the topic "%s" of clients',
    (topic) => {
      expect(() => defineContract({ up: { [topic]: {} }, down: {} })).toThrow(
        expect.objectContaining({
          code: 'invalid_argument',
          message: `defineContract(): up: the topic "${topic}" is reserved. Use another name.`,
        }),
      );
    },
  );

  it.each(['authenticated', 'unauthenticated', 'ping', 'connect', 'connect_error', 'roomgate:drain'])(
    'refuses the topic "%s" of servers',
    (topic) => {
      const text = `defineContract(): down: the topic "${topic}" is reserved. Use another name.`;
      expect(() => defineContract({ up: {}, down: { [topic]: schema } })).toThrow(text);
    },
  );

  it('refuses every code of the library', () => {
    const lists = [ANSWER_ERRORS, UNAUTHENTICATED_ERRORS, ROOM_ERRORS].flatMap(Object.keys);
    for (const code of [...lists, ...ROOMGATE_CODES]) {
      expect(isOwnCode(code)).toBe(true);
      expect(() => defineContract({ up: { say: { errors: [code] } }, down: {} })).toThrow(
        `defineContract(): up.say.errors: "${code}" is a code of the library. Choose another one.`,
      );
    }
    for (const code of ['away', 'toString', '__proto__']) expect(isOwnCode(code)).toBe(false);
    for (const code of ['busy', 'expired', 'invalid_argument']) expect(isRequestCode(code)).toBe(true);
    for (const code of ['away', 'not_configured', 'guard_failed', 'toString']) expect(isRequestCode(code)).toBe(false);
  });

  it.each([
    [undefined, 'defineContract(): expected one object, received undefined. Write defineContract({ up:'],
    [{ up: {} }, 'defineContract(): down: expected an object of topics, received undefined. Write { up:'],
    [{ up: [], down: {} }, 'defineContract(): up: expected an object of topics, received an empty array.'],
    [{ up: {}, down: {}, donw: {} }, 'defineContract(): "donw" does not exist; did you mean "down"?'],
    [
      { up: { say: schema }, down: {} },
      'defineContract(): up.say: expected an object with input, output and errors, received an object of the class ZodString. Write { input: schema }.',
    ],
    [{ up: { say: 'text' }, down: {} }, 'defineContract(): up.say: expected an object with input, output and errors'],
    [{ up: { say: { inputs: schema } }, down: {} }, 'defineContract(): "inputs" does not exist; did you mean "input"?'],
    [
      { up: { say: { input: String } }, down: {} },
      'defineContract(): up.say.input: expected a Standard Schema, received a function. Write a schema of zod 3.24,',
    ],
    [{ up: { say: { output: {} } }, down: {} }, 'defineContract(): up.say.output: expected a Standard Schema'],
    [{ up: {}, down: { said: {} } }, 'defineContract(): down.said: expected a Standard Schema, received an object.'],
    [
      { up: { say: { errors: 'away' } }, down: {} },
      'defineContract(): up.say.errors: expected an array of codes, received a string.',
    ],
    [
      { up: { say: { errors: ['Not away'] } }, down: {} },
      'defineContract(): up.say.errors: expected codes of up to 64 lower-case letters, digits and "_", the first one a letter, received a string. "Not away" is not one.',
    ],
    [{ up: { say: { errors: ['a'.repeat(65)] } }, down: {} }, 'expected codes of up to 64'],
    [{ up: { say: { errors: [7] } }, down: {} }, 'received 7.'],
  ])('refuses %j', (wrong, text) => {
    expect(() => defineContract(wrong as never)).toThrow(
      expect.objectContaining({ code: 'invalid_argument', message: expect.stringContaining(text) }),
    );
  });
});
