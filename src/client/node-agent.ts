import { hasMethods, isRecord } from '../common/checks.js';

/** The part of a `node:http` request that is used. */
interface AnyRequest {
  prependListener(event: 'response', listener: (response: { statusCode: number }) => void): unknown;
}

interface Process {
  readonly versions?: { readonly node?: string };
  getBuiltinModule?(name: string): { readonly Agent?: new () => object } | undefined;
}

const REDIRECTS: ReadonlySet<number> = new Set([302, 303, 307]);
/** A redirect that the request of socket.io-client does not follow. */
const NOT_FOLLOWED = 300;

/**
 * For HTTP long polling in Node.js and Bun: an agent whose requests treat a redirect as a failure. The request of socket.io-client
 * follows redirects to any host, with the program's headers. Without a usable `Location` it throws where nothing catches it.
 * Undefined on other runtimes.
 *
 * `addRequest` is not documented, but agents of other packages are based on it; an agent without it is not changed. Bun 1.2 does
 * not call it, and does not throw there.
 */
export function agentWithoutRedirects(host: string, given: unknown): object | undefined {
  const process = nodeProcess();
  if (process === undefined) return undefined;
  const agent: unknown = isRecord(given) ? given : newAgent(process, /^(https|wss):/.test(host));
  if (!hasMethods(agent, ['addRequest'])) return undefined;
  const inherited: object = Object.create(agent, {
    addRequest: {
      value: (request: AnyRequest, ...more: readonly unknown[]): unknown => {
        request.prependListener('response', (response) => {
          if (REDIRECTS.has(response.statusCode)) response.statusCode = NOT_FOLLOWED;
        });
        return agent.addRequest(request, ...more);
      },
    },
  });
  return inherited;
}

/** The `process` of Node.js or Bun; undefined in browsers and React Native. */
export function nodeProcess(): Process | undefined {
  const { process } = globalThis as { readonly process?: Process };
  return process?.versions?.node === undefined ? undefined : process;
}

function newAgent(process: Process, secure: boolean): object | undefined {
  const { Agent } = process.getBuiltinModule?.(secure ? 'node:https' : 'node:http') ?? {};
  return Agent === undefined ? undefined : new Agent();
}
