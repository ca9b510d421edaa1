/** A variant that lost, doubled or never delivered messages has no figure, but this. */
export class Broken extends Error {}

export async function settled(load, expected) {
  await new Promise((resolve) => setTimeout(resolve, 50));
  const result = await load.ask('result');
  if (result.messages !== expected.messages) {
    throw new Broken(`${result.messages} of ${expected.messages} messages arrived`);
  }
  if (expected.each !== undefined && (result.fewest !== expected.each || result.most !== expected.each)) {
    throw new Broken(`clients received ${result.fewest} to ${result.most} messages instead of ${expected.each}`);
  }
  return result;
}

/** Ticks until the load has seen all of them. The load's answers come first, so that its last byte finds the server waiting. */
async function ticks(server, load, work, receivers) {
  const perTick = work.perTick * receivers;
  await load.ask('reset');
  await load.ask('pace', { control: (work.pacer ?? server).control, perTick });
  try {
    const answer = await (work.pacer ?? server).ask('burst', { ...work, pacer: undefined }, 120_000);
    const result = await settled(load, { messages: perTick * work.ticks });
    return { ...answer, ...result };
  } catch (error) {
    const { messages } = await load.ask('result');
    if (messages < perTick * work.ticks)
      throw new Broken(`${messages} of ${perTick * work.ticks} messages arrived; ${error.message}`);
    throw error;
  } finally {
    await load.ask('unpace');
  }
}

/**
 * Server CPU per delivery over a burst, after one that only warms up and a collection that is not in the window. Of `rooms`
 * rooms each client is in one of `members` clients; without, all are in one.
 */
export async function burst(server, load, work) {
  const receivers = work.rooms ? work.rooms * work.members : work.members;
  await ticks(server, load, { ...work, ticks: Math.max(2, Math.ceil(work.ticks / 4)) }, receivers);
  await server.ask('collect');
  const { cpu, p50, p99, busy, messages } = await ticks(server, load, work, receivers);
  return { cpu: cpu / messages, p50, p99, busy };
}
