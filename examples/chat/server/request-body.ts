import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { z } from 'zod';

/** The body of a request, as this schema returns it. @throws HTTPException with the reason. */
export async function bodyOf<T>(c: Context, schema: z.ZodType<T>): Promise<T> {
  return checked(schema, await jsonOf(c));
}

/** The value as this schema returns it. @throws HTTPException with the reason. */
export function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const isSentence = issue?.code === 'custom';
  const where = issue === undefined || isSentence || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
  throw new HTTPException(400, { message: `${where}${issue?.message}` });
}

/** Undefined if there is no body. */
async function jsonOf(c: Context): Promise<unknown> {
  const text = await c.req.text();
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    throw new HTTPException(400, { message: 'The body must be JSON.' });
  }
}
