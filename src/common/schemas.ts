import type { Schema } from '../protocol/schema.js';
import { isObject, wrongArgument } from './checks.js';

/** @throws RoomgateError `invalid_argument` if it is no schema. */
export function needSchema(method: string, name: string, schema: unknown): Schema {
  if (isSchema(schema)) return schema;
  const fix = 'Write a schema of zod 3.24, valibot 1, arktype 2, or newer.';
  throw wrongArgument(method, name, 'a Standard Schema', schema, fix);
}

/** The schemas of some libraries are functions. */
export function isSchema(value: unknown): value is Schema {
  const members: unknown = isObject(value) ? value['~standard'] : undefined;
  return isObject(members) && typeof members.validate === 'function';
}
