/** If the load is as busy as the server, or busier, it also limited the result. */
export const BUSY = [
  { key: 'serverBusy', label: 'server busy %', digits: 0 },
  { key: 'busy', label: 'load busy %', digits: 0 },
];

/** Columns of every scenario with messages, besides CPU. */
export const LATENCY = [
  { key: 'p50', label: 'p50 ms', digits: 1 },
  { key: 'p99', label: 'p99 ms', digits: 1 },
  ...BUSY,
];

export const cpu = (of) => ({ key: 'cpu', label: `us of server CPU per ${of}`, digits: 2, ratio: true });
