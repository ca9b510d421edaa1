// npm test: node
// npm run test:matrix: newest-node
import { beforeAll, describe, expect, it } from 'vitest';
import type { BackplaneReport } from '../../src/backplane/reports.js';
import type { InstanceMessage, Question } from '../../src/ports/backplane/bus.js';
import type { Backplane } from '../../src/ports/backplane.js';
import { defer } from '../support/cleanup.js';
import { eventually } from '../support/facts.js';
import { memoryPlace, type Place, redisPlace } from '../support/place.js';
import { type RedisServer, startRedis } from '../support/redis.js';

interface ObservedBackplane extends Backplane {
  readonly reports: BackplaneReport[];
  /** Messages on the topic `note`: the sender's id and the message. */
  readonly notes: (readonly [string, InstanceMessage])[];
  readonly changes: (readonly [string, string])[];
}

const NAMES = ['one', 'two', 'three'] as const;
type Three = readonly [ObservedBackplane, ObservedBackplane, ObservedBackplane];

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

/** Returns it before `open()`. */
async function createNode(place: Place, name: string): Promise<ObservedBackplane> {
  const reports: BackplaneReport[] = [];
  const backplane = await place.createBackplane(name, (report) => reports.push(report));
  defer(() => backplane.close(500));
  const notes: ObservedBackplane['notes'] = [];
  const changes: ObservedBackplane['changes'] = [];
  backplane.bus.subscribe('note', (message, from) => {
    notes.push([from, message]);
    if (message.bad === true) throw new Error('a bad note');
  });
  backplane.instances.onChange((change, id) => changes.push([change, id]));
  return Object.assign(backplane, { reports, notes, changes });
}

/** `prepare` runs on each node before `open()`. */
async function startThree(
  place: Place,
  prepare: (node: ObservedBackplane, index: number) => void = () => {},
): Promise<Three> {
  const nodes: ObservedBackplane[] = [];
  for (const [index, name] of NAMES.entries()) {
    const node = await createNode(place, name);
    prepare(node, index);
    await node.open(5_000);
    nodes.push(node);
  }
  const [one, two, three] = nodes;
  if (one === undefined || two === undefined || three === undefined) throw new Error('unreachable');
  return [one, two, three];
}

const idsOf = (nodes: readonly ObservedBackplane[]) => nodes.map(({ instances }) => instances.id).sort();
const rejected = ({ reports }: ObservedBackplane) =>
  reports.filter(({ type }) => type === 'backplane_messages_rejected');

function ask(node: ObservedBackplane, more: Partial<Question<unknown>> = {}) {
  const read = ({ value }: InstanceMessage) => value;
  return node.bus.ask({ topic: 'sum', question: { a: 2, b: 3 }, timeoutMs: 5_000, read, ...more });
}

/** Answers with the sum and its own number. */
function answerSums({ bus }: ObservedBackplane, index: number): void {
  bus.answer('sum', async ({ a, b }) => ({ value: Number(a) + Number(b) + 10 * index }));
}

const PLACES = [
  ['in the memory of one process', () => memoryPlace()],
  ['over Redis', () => redisPlace(redis)],
] as const;

describe.each(PLACES)('publish() %s', (_, makePlace) => {
  it('reaches each other subscriber once, in the sender’s order, with the sender’s id', async () => {
    const [one, two, three] = await startThree(makePlace());
    for (let number = 0; number < 50; number++) {
      for (const { bus } of [one, two]) void bus.publish('note', { number });
      void one.bus.publish('nobody', { number });
    }
    await eventually(() => expect([one, two, three].map(({ notes }) => notes.length)).toEqual([50, 50, 100]));
    const inOrder = Array.from({ length: 50 }, (__, number) => ({ number }));
    const from = (node: ObservedBackplane, to: ObservedBackplane) =>
      to.notes.filter(([id]) => id === node.instances.id).map(([, message]) => message);
    expect(from(two, one)).toEqual(inOrder);
    for (const sender of [one, two]) expect(from(sender, three)).toEqual(inOrder);
    expect([one, two, three].flatMap(({ reports }) => reports)).toEqual([]);
  });

  it('sends JSON as it was at the time of the call, and no forged sender', async () => {
    const [one, two] = await startThree(makePlace());
    const list = [1, 'ü', null, { deep: true }];
    const sent = one.bus.publish('note', { list, from: 'nobody', none: undefined });
    list.push(2);
    await sent;
    await eventually(() => expect(two.notes).toEqual([[one.instances.id, { list: [1, 'ü', null, { deep: true }] }]]));
  });

  it('continues after a subscriber threw, which is reported by topic', async () => {
    const [one, two] = await startThree(makePlace());
    await one.bus.publish('note', { bad: true });
    await one.bus.publish('note', { number: 1 });
    await eventually(() => expect(two.notes).toHaveLength(2));
    expect(rejected(two)).toMatchObject([{ channel: 'note', reason: expect.stringContaining('a bad note'), count: 1 }]);
    expect(rejected(one)).toEqual([]);
  });

  it('reaches topics that are claimed after open()', async () => {
    const [one, two] = await startThree(makePlace());
    const heard: unknown[] = [];
    two.bus.subscribe('later', ({ number }) => void heard.push(number));
    await eventually(async () => {
      await one.bus.publish('later', { number: 1 });
      expect(heard).toContain(1);
    });
  });

  it('rejects before open() and after close()', async () => {
    const node = await createNode(makePlace(), 'one');
    await expect(node.bus.publish('note', {})).rejects.toThrow();
    await node.open(5_000);
    await node.bus.publish('note', {});
    await node.close(500);
    await expect(node.bus.publish('note', {})).rejects.toThrow();
  });

  it('leaves a topic to its first owner', async () => {
    const { bus } = await createNode(makePlace(), 'one');
    expect(() => bus.subscribe('note', () => {})).toThrow('"note"');
    expect(() => bus.answer('note', () => ({}))).toThrow('"note"');
  });
});

describe.each(PLACES)('ask() %s', (_, makePlace) => {
  it('collects the answers of every other instance, by id', async () => {
    const [one, two, three] = await startThree(makePlace(), answerSums);
    const expected = new Map([
      [two.instances.id, 15],
      [three.instances.id, 25],
    ]);
    const { answers, ...rest } = await ask(one, { timeoutMs: 60_000 });
    expect(new Map([...answers].sort())).toEqual(new Map([...expected].sort()));
    expect(rest).toEqual({ unanswered: [], complete: true });
    expect((await ask(three)).answers.get(one.instances.id)).toBe(5);
  });

  it('is complete at once without another instance', async () => {
    const node = await createNode(makePlace(), 'one');
    await node.open(5_000);
    expect(await ask(node, { timeoutMs: 60_000 })).toEqual({ answers: new Map(), unanswered: [], complete: true });
  });

  it('names the instances that do not know the topic, throw, or answer nonsense', async () => {
    const [one, two, three] = await startThree(makePlace(), ({ bus }, index) => {
      if (index === 1) bus.answer('sum', () => Promise.reject(new Error('no sums today')));
      if (index === 2) bus.answer('sum', () => ({ value: 'nonsense' }));
    });
    const read = ({ value }: InstanceMessage) => {
      if (typeof value !== 'number') throw new Error('no number');
    };
    for (const [topic, kinds] of [
      ['unknown', []],
      ['sum', ['answer']],
    ] as const) {
      const { answers, unanswered, complete } = await ask(one, { topic, read, timeoutMs: 300 });
      expect([answers.size, complete]).toEqual([0, false]);
      expect([...unanswered].sort()).toEqual(idsOf([two, three]));
      expect(rejected(one)).toMatchObject(kinds.map((channel) => ({ channel, count: 1 })));
    }
    expect(rejected(two)).toMatchObject([{ channel: 'sum', reason: expect.stringContaining('no sums today') }]);
  });

  it('ends early when the answers are sufficient', async () => {
    const [one, , three] = await startThree(makePlace(), (node, index) => {
      if (index !== 1) answerSums(node, index);
    });
    const { answers, complete } = await ask(one, { timeoutMs: 60_000, isEnough: ({ size }) => size === 1 });
    expect([...answers]).toEqual([[three.instances.id, 25]]);
    expect(complete).toBe(false);
  });

  it('does not wait for an instance that leaves meanwhile', async () => {
    const [one, two, three] = await startThree(makePlace(), (node, index) => {
      if (index === 1) answerSums(node, index);
    });
    const asked = ask(one, { timeoutMs: 60_000, isEnough: ({ size }) => size > 1 });
    await eventually(async () => expect((await ask(one, { timeoutMs: 100 })).answers.size).toBe(1));
    await three.close(5_000);
    const { answers, ...rest } = await asked;
    expect([...answers]).toEqual([[two.instances.id, 15]]);
    expect(rest).toEqual({ unanswered: [], complete: true });
  });

  it('resolves at once, incomplete, if too many questions are pending or on close()', async () => {
    const [one, two, three] = await startThree(makePlace());
    const asked = Array.from({ length: 1_000 }, () => ask(one, { timeoutMs: 60_000 }));
    await one.instances.list();
    const refused = await ask(one, { timeoutMs: 60_000 });
    expect([...refused.unanswered].sort()).toEqual(idsOf([two, three]));
    expect(refused.complete).toBe(false);
    await one.close(500);
    for (const { complete } of await Promise.all(asked)) expect(complete).toBe(false);
    expect((await ask(one, { timeoutMs: 60_000 })).complete).toBe(false);
  });

  it('is incomplete at once while this instance is cut off, names it to the others, and recovers', async () => {
    const place = makePlace();
    const [one, two, three] = await startThree(place, answerSums);
    await Promise.all([one, two, three].map(({ instances }) => instances.list()));
    await place.cut('three');
    await eventually(() =>
      expect(three.reports).toContainEqual(expect.objectContaining({ type: 'backplane_disconnected' })),
    );
    await eventually(async () => expect((await ask(three, { timeoutMs: 60_000 })).complete).toBe(false));
    await expect(three.bus.publish('note', {})).rejects.toThrow('unreachable');
    const { answers, unanswered, complete } = await ask(one, { timeoutMs: 200 });
    expect([[...answers.keys()], unanswered, complete]).toEqual([[two.instances.id], [three.instances.id], false]);
    await place.heal('three');
    for (const node of [one, three]) {
      await eventually(async () => expect((await ask(node, { timeoutMs: 1_000 })).complete).toBe(true), {
        timeout: 15_000,
      });
    }
  });
});

describe.each(PLACES)('instances %s', (_, makePlace) => {
  it('know each other by their ids', async () => {
    const all = await startThree(makePlace());
    expect(new Set(idsOf(all)).size).toBe(3);
    for (const node of all) {
      const others = idsOf(all.filter((other) => other !== node));
      expect([...(await node.instances.list())].sort()).toEqual(others);
      expect([...node.instances.others].sort()).toEqual(others);
    }
  });

  it('are notified of each join and leave once', async () => {
    const place = makePlace();
    const [one, two, three] = await startThree(place);
    await one.instances.list();
    await three.close(5_000);
    await eventually(() => expect(one.changes.at(-1)).toEqual(['left', three.instances.id]));
    const later = await createNode(place, 'three');
    await later.open(5_000);
    await one.instances.list();
    const joined = one.changes.slice(0, 2).sort();
    expect(joined).toEqual(idsOf([two, three]).map((id) => ['joined', id]));
    expect(one.changes.slice(2)).toEqual([
      ['left', three.instances.id],
      ['joined', later.instances.id],
    ]);
    expect(later.instances.id).not.toBe(three.instances.id);
  });

  it('return no list before open(), while cut off, and after close()', async () => {
    const place = makePlace();
    const node = await createNode(place, 'one');
    await expect(node.instances.list()).rejects.toThrow();
    await node.open(5_000);
    expect(await node.instances.list()).toEqual([]);
    await place.cut('one');
    await eventually(async () => expect(node.instances.list()).rejects.toThrow());
    await node.close(500);
    await expect(node.instances.list()).rejects.toThrow();
  });
});
