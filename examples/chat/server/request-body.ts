import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { z } from 'zod';

/** The body of a request, as this schema returns it. The body may be missing. @throws HTTPException with the reason. */
export async function bodyOf<T>(c: Context, schema: z.ZodType<T>): Promise<T> {
  if ((await c.req.text()) === '') return checked(schema, undefined);
  const notJson = new HTTPException(400, { message: 'The body must be JSON.' });
  return checked(schema, await c.req.json().catch(() => Promise.reject(notJson)));
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
