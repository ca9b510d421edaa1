/** Thrown for a variant that lost, duplicated or never delivered messages: it has no result. */
export class Broken extends Error {}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Time for surplus messages to arrive, before the counts are read. */
const AFTERMATH_MS = 50;

const STALLED_MS = 10_000;

/** Stops waiting for messages once none has arrived for ten seconds: they are lost. */
export async function unlessStalled(load, expected, work) {
  let over = false;
  const watch = async () => {
    for (let seen = -1; !over; ) {
      const { messages } = await load.ask('count');
      if (messages === seen) throw new Broken(`${messages} of ${expected} messages arrived`);
      seen = messages;
      await new Promise((resolve) => setTimeout(resolve, STALLED_MS).unref());
    }
  };
  try {
    return await Promise.race([work, watch().then(() => work)]);
  } finally {
    over = true;
  }
}

/** From two reports: CPU for each of `units`, and the share of time that the server was busy. */
export function between(before, after, units) {
  const cpu = after.cpu - before.cpu;
  return { cpu: cpu / units, serverBusy: cpu / (after.at - before.at) / 10 };
}

async function counted(load, expected, each) {
  await pause(AFTERMATH_MS);
  const result = await load.ask('result');
  if (result.messages !== expected) throw new Broken(`${result.messages} of ${expected} messages arrived`);
  if (each !== undefined && (result.fewest !== each || result.most !== each)) {
    throw new Broken(`clients received ${result.fewest} to ${result.most} messages instead of ${each}`);
  }
  return result;
}

/**
 * Runs ticks of `server`, each once the load has received the previous one. Resolves to CPU, latency and the load's
 * own CPU.
 */
async function ticked({ server, load, work, receivers }) {
  const perTick = work.perTick * receivers;
  await load.ask('reset');
  await load.ask('pace', { control: server.control, perTick });
  try {
    const expected = perTick * work.ticks;
    const { cpu, ms } = await unlessStalled(load, expected, server.ask('burst', work, 600_000));
    const { busy } = await load.ask('result');
    const { messages, p50, p99 } = await counted(load, expected, work.slow ? undefined : work.perTick * work.ticks);
    return { messages, p50, p99, cpu, busy, serverBusy: cpu / ms / 10 };
  } finally {
    await load.ask('unpace');
  }
}

/**
 * CPU of `server` per delivery over a burst, after a warm-up and a garbage collection that are not measured. With
 * `rooms`, each client is in one of that many rooms of `members`; without, all are in one. With `receiver`, the
 * clients are on that instance and the messages come from `server`; then `sender` is the CPU of `server` per message.
 */
export async function burst({ server, receiver = server, load, work }) {
  const receivers = (work.rooms ?? 1) * work.members;
  if (!work.cold) await ticked({ server, load, work: { ...work, ticks: Math.ceil(work.ticks / 3) }, receivers });
  for (const instance of new Set([server, receiver])) await instance.ask('collect');
  const before = await receiver.ask('report');
  const { cpu, messages, ...seen } = await ticked({ server, load, work, receivers });
  if (receiver === server) return { ...seen, cpu: cpu / messages };
  const after = await receiver.ask('report');
  return { ...seen, ...between(before, after, messages), sender: (cpu * receivers) / messages };
}

/**
 * A join requested by an event takes effect later, and variants join differently, so this sends until each room
 * delivers.
 */
export async function membersArrived(server, load, work) {
  const expected = work.rooms * work.members;
  for (let attempt = 0; attempt < 20; attempt++) {
    await load.ask('reset');
    await server.ask('probe', { ...work, perTick: 1 });
    await pause(200);
    if ((await load.ask('result')).messages === expected) return;
  }
  throw new Broken(`of ${expected} clients ${(await load.ask('result')).messages} are in their rooms`);
}

export async function emptied(server) {
  for (let attempt = 0; attempt < 200; attempt++) {
    if ((await server.ask('report')).clients === 0) return;
    await pause(50);
  }
  throw new Broken('clients that left are still counted 10 s later');
}
