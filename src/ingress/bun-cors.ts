import cors from 'cors';
import type { ServerOptions } from 'socket.io';
import type { NodeRequest } from './bun-request.js';

/** The answer of the `cors` package to a request. */
export interface CorsAnswer {
  readonly headers: Headers;
  /** The status that answers a preflight request; undefined if the request continues. */
  readonly status: number | undefined;
}

export type Cors = (request: NodeRequest) => Promise<CorsAnswer>;

/**
 * CORS by the package that Engine.IO uses on Node.js. The engine for Bun has an implementation of its own, in which a function
 * as `origin` allows every origin.
 */
export function corsOf(options: NonNullable<ServerOptions['cors']>): Cors {
  const middleware = cors(options);
  return (request) =>
    new Promise((resolve, reject) => {
      const headers = new Headers();
      const response = {
        statusCode: 200,
        getHeader: (name: string) => headers.get(name) ?? undefined,
        setHeader: (name: string, value: string | number | readonly string[]) => headers.set(name, `${value}`),
        end: () => resolve({ headers, status: response.statusCode }),
      };
      middleware(request, response, (error?: unknown) => {
        if (error) reject(error);
        else resolve({ headers, status: undefined });
      });
    });
}
