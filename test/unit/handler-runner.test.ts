// npm test: node
// npm run test:matrix: newest-node
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { HandlerRegistry } from '../../src/handlers/registry.js';
import { HandlerRunner } from '../../src/handlers/runner.js';
import { Session } from '../../src/session/session.js';
import { eventually } from '../support/facts.js';

const session = (id: string): Session => new Session({ id, conn: {} } as never, {} as never);

it('a client with a handler that never settles gets no further one, once 10 000 of them were given up', async () => {
  const settled: (() => void)[] = [];
  let givenUp = 0;
  const registry = new HandlerRegistry();
  registry.add({ topic: 'hang', handler: () => new Promise<void>((resolve) => settled.push(resolve)) });
  registry.add({ topic: 'echo', handler: ({ data }: { data: unknown }) => data });
  const runner = new HandlerRunner({
    ...{ registry, timeoutMs: 10, mostInFlight: 20_000 },
    delay: () => {},
    sweep: () => {},
    report: ({ type }) => {
      if (type === 'handler_unanswered') givenUp += 1;
    },
  });
  const [hanging, other] = [session('hanging'), session('other')];
  const ask = (who: Session): unknown => {
    const answer = vi.fn();
    runner.run(who, ['echo', 'handled', answer]);
    expect(answer).toHaveBeenCalledOnce();
    return answer.mock.lastCall?.[0];
  };
  const hang = async (times: number): Promise<void> => {
    const before = givenUp;
    for (let n = 0; n < times; n++) runner.run(hanging, ['hang']);
    await eventually(() => givenUp === before + times);
  };
  await hang(9_999);
  expect(ask(hanging)).toBe('handled');
  await hang(1);
  expect(ask(hanging)).toMatchObject({ 'roomgate:error': { code: 'busy' } });
  expect(ask(other)).toBe('handled');
  settled[0]?.();
  await nextTurn();
  expect(ask(hanging)).toBe('handled');
});
