import type { Inside } from '../program.js';
import type { payloadOf } from './payloads.js';
import type { Act, Emit } from './plan.js';
import type { Begin, Emitter, Mix, Served, TallyEntry } from './words.js';

/** Runs in the program, so it cannot use anything else of this file. */
export function createMix({ helper, io }: Pick<Inside, 'helper' | 'io'>, payload: typeof payloadOf): Mix {
  const NAMES = ['/', '/other'];
  const ID = 10;
  type Listener = (...args: unknown[]) => void;
  interface Run extends Begin {
    next: number;
    done: boolean;
    ids: readonly (readonly (string | null)[])[];
    told: [number, number][] | undefined;
    readonly trace: TallyEntry[];
    readonly late: [number, number][];
    readonly answers: Map<number, { times: number; of: unknown }>;
    readonly sockets: Map<number, Served>[];
    readonly verdicts: Map<number, () => void>;
    readonly listeners: Map<string, Listener>;
  }
  let run: Run = fresh({ name: '', origin: 0, gated: false });
  let barriers = 0;
  io.on('mix:barrier', () => {
    barriers += 1;
    run.trace.push({ did: 'hear barrier' });
  });

  function fresh(options: Begin): Run {
    const none = { done: false, ids: [], told: undefined, next: options.origin + 2 };
    const lists = { trace: [], late: [], answers: new Map(), sockets: [new Map(), new Map()] };
    return { ...options, ...none, ...lists, verdicts: new Map(), listeners: new Map() };
  }

  const nspOf = (nsp: number): Emitter => io.of(NAMES[nsp] ?? '/') as unknown as Emitter;
  const clientOf = ({ handshake: { auth } }: Served): number | undefined =>
    auth.run === run.name ? Number(auth.client) : undefined;
  const socketOf = (client: number, nsp: number): Served | undefined => {
    const socket = run.sockets[nsp]?.get(client);
    return socket?.connected ? socket : undefined;
  };
  const nameOf = (place: number, nsp: number): string =>
    place < ID ? `${run.name}-${place}` : (run.ids[place - ID]?.[nsp] ?? `${run.name}-nobody`);
  const namesOf = (places: readonly number[], nsp: number): string[] => places.map((place) => nameOf(place, nsp));

  function come(socket: Served, nsp: number): void {
    const client = clientOf(socket);
    if (client === undefined) return;
    run.sockets[nsp]?.set(client, socket);
    run.trace.push({ did: 'come', client, nsp, member: nsp === 1 || !run.gated });
    if (!run.gated && nsp === 0) handle(socket);
    const { trace } = run;
    socket.on('disconnect', () => trace.push({ did: 'go', client, nsp }));
  }

  /** Registers its handlers; behind the gate this happens after authentication. */
  function handle(socket: Served): void {
    socket.on('poke', (acts: readonly Act[], answer: () => void) => {
      if (clientOf(socket) !== undefined && !run.done) for (const act of acts) perform(act);
      answer();
    });
  }

  function emit(what: Emit): void {
    const { via, nsp, client } = what;
    const socket = socketOf(client, nsp);
    if ((via === 'direct' || via === 'socket') && socket === undefined) return;
    if (via === 'send' && nsp !== 0) return;
    const told: [number, number][] = [];
    run.trace.push({ did: 'emit', n: run.next, what, told });
    run.told = told;
    for (let left = what.times; left > 0; left -= 1) {
      emitOne(what, run.next, socket);
      run.next += 2;
    }
    run.told = undefined;
  }

  function emitOne(what: Emit, n: number, socket: Served | undefined): void {
    const { via, nsp, kind } = what;
    const data = [n, kind, ...payload(kind, n)];
    if (via === 'send') {
      const [only, ...more] = namesOf(what.places, nsp);
      const destination = only === undefined || more.length > 0 ? [only ?? [], more].flat() : only;
      helper.send({ ...(only === undefined ? {} : { destination }), payload: { topic: 'm', data } });
      return;
    }
    let target = via === 'io' || socket === undefined ? nspOf(nsp) : via === 'direct' ? socket : socket.broadcast;
    if (via !== 'direct') {
      if (what.places.length > 0) target = target.to(namesOf(what.places, nsp));
      if (what.except.length > 0) target = target.except(namesOf(what.except, nsp));
      if (what.local) target = target.local;
    }
    if (what.compress !== null) target = target.compress(what.compress);
    if (what.how === 'volatile') target = target.volatile;
    // An answer to the previous run can arrive in the next one, which has the same numbers.
    const { answers } = run;
    if (what.how !== 'ack') target.emit('m', ...data);
    else if (via === 'direct') target.emit('m', ...data, (of: unknown) => answer(answers, n, of));
    // As long as a test may take: disconnected clients never answer, and nobody waits for them.
    else
      target.timeout(60_000).emit('m', ...data, (error: unknown, of: unknown) => {
        if (error === null) answer(answers, n, of);
      });
  }

  function answer(answers: Run['answers'], n: number, of: unknown): void {
    answers.set(n, { times: (answers.get(n)?.times ?? 0) + 1, of });
  }

  function listen(client: number, nsp: number, on: boolean): boolean {
    const key = `${client} ${nsp}`;
    const socket = socketOf(client, nsp);
    const before = run.listeners.get(key);
    if (socket === undefined || on === (before !== undefined)) return false;
    if (before !== undefined) {
      socket.offAnyOutgoing(before);
      run.listeners.delete(key);
      return true;
    }
    const ours = run;
    const listener: Listener = (topic, first) => {
      if (topic === 'm') (ours.told ?? ours.late).push([client, Array.isArray(first) ? first[0] : (first as number)]);
    };
    run.listeners.set(key, listener);
    socket.onAnyOutgoing(listener);
    return true;
  }

  function end(client: number, how: string): boolean {
    const socket = socketOf(client, 0);
    if (socket === undefined) return false;
    if (how === 'helper') helper.disconnect({ socket: socket as never });
    else if (how === 'socket') socket.disconnect(true);
    else if (how === 'connection') socket.conn.close();
    else io.local.in(socket.id).disconnectSockets(true);
    // The adapter does not find unauthenticated clients.
    return how !== 'adapter' || !socket.connected;
  }

  /** Returns whether anything changed. */
  function change(what: Exclude<Act, Emit>): boolean {
    switch (what.do) {
      case 'join':
      case 'leave': {
        const socket = socketOf(what.client, what.nsp);
        socket?.[what.do](nameOf(what.room, what.nsp));
        return socket !== undefined;
      }
      case 'move': {
        const there = io.of(NAMES[what.nsp] ?? '/').local.in(nameOf(what.place, what.nsp));
        there[what.join ? 'socketsJoin' : 'socketsLeave'](nameOf(what.room, what.nsp));
        return true;
      }
      case 'admit':
        run.verdicts.get(what.client)?.();
        return false;
      case 'listen':
        return listen(what.client, what.nsp, what.on);
      case 'end':
        return end(what.client, what.how);
    }
  }

  function perform(act: Act): void {
    if (act.do === 'emit') emit(act);
    else {
      // Recorded before its effects, because it may send messages itself.
      const at = run.trace.length;
      if (change(act)) run.trace.splice(at, 0, { did: 'act', what: act });
    }
  }

  function hook(client: number, when: string, acts: readonly Act[]): void {
    const ours = run;
    run.sockets[0]?.get(client)?.conn.once(when, () => {
      if (run === ours && !ours.done) for (const act of acts) perform(act);
    });
  }

  const PAUSES = {
    microtask: () => Promise.resolve(),
    tick: () => new Promise<void>((resolve) => process.nextTick(resolve)),
    immediate: () =>
      new Promise<void>((resolve) => {
        setImmediate(resolve);
        // Bun 1.2 may delay an immediate that was scheduled by another one until something else happens.
        setTimeout(resolve, 10);
      }),
    timer: () => new Promise<void>((resolve) => setTimeout(resolve, 1)),
  };

  async function flood(client: number): Promise<void> {
    const flags = { nsp: 0, client, places: [], except: [], local: false, how: 'plain', compress: null } as const;
    const waits = (): boolean => {
      const { transport, writeBuffer = [] } = socketOf(client, 0)?.conn ?? { transport: {} };
      return (
        writeBuffer.length > 0 || (transport.socket?.bufferedAmount ?? transport.socket?.getBufferedAmount?.() ?? 0) > 0
      );
    };
    for (let sent = 0, waited = 0; sent < 120 && waited < 3; sent += 1) {
      emit({ do: 'emit', via: 'direct', kind: 'large', times: 1, ...flags });
      await PAUSES.immediate();
      waited = waits() ? waited + 1 : 0;
    }
  }

  Object.assign(globalThis, {
    mixVerdict: (auth: Record<string, unknown>) =>
      auth.hold === true ? new Promise((resolve) => run.verdicts.set(Number(auth.client), () => resolve(true))) : true,
    mixWelcome: (socket: Served) => {
      const client = clientOf(socket);
      if (client === undefined) return;
      handle(socket);
      run.trace.push({ did: 'admit', client });
    },
  });
  for (const [nsp, name] of NAMES.entries()) io.of(name).on('connection', (socket) => come(socket as never, nsp));

  return {
    begin(options) {
      run = fresh(options);
    },
    know(ids) {
      run.ids = ids;
    },
    async run(steps) {
      for (const step of steps) {
        if (step.do === 'pause') await PAUSES[step.until]();
        else if (step.do === 'flood') await flood(step.client);
        else if (step.do === 'hook') hook(step.client, step.when, step.acts);
        else perform(step);
      }
    },
    stop() {
      run.done = true;
    },
    async barrier(heard) {
      run.trace.push({ did: 'send barrier' });
      io.serverSideEmit('mix:barrier');
      while (barriers < heard) await PAUSES.timer();
    },
    marks(own, others) {
      for (const client of own) socketOf(client, 0)?.emit('end', `own ${run.origin}`);
      for (const [client, nsp] of others) {
        const id = run.ids[client]?.[nsp];
        if (id) nspOf(nsp).to([id]).emit('end', `other ${nsp}`);
      }
    },
    async report(awaited) {
      // The test reports missing answers, with more detail.
      const end = performance.now() + 8_000;
      for (const n of awaited) while (!run.answers.has(n) && performance.now() < end) await PAUSES.timer();
      const { trace, late, answers } = run;
      return { trace, late, answers: Object.fromEntries(answers) };
    },
    async clear() {
      run = fresh({ name: '', origin: 0, gated: false });
      for (const name of NAMES) io.of(name).local.disconnectSockets(true);
      for (const client of io.sockets.sockets.values()) client.disconnect(true);
      while (NAMES.some((name) => io.of(name).sockets.size > 0)) await PAUSES.timer();
    },
  };
}
