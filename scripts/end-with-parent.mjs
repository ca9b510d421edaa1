/**
 * Loaded by a program, it ends it as SIGTERM does once the process that started it is gone: npm hands SIGTERM on to its
 * shell, which on Debian dies of it without telling anybody. Nobody is left then to end one that hangs, so that is done here.
 */
const CHECK_MS = 250;
const LONGEST_END_MS = 10_000;

const parent = process.ppid;
const watch = setInterval(() => {
  if (process.ppid === parent) return;
  clearInterval(watch);
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), LONGEST_END_MS).unref();
  process.kill(process.pid, 'SIGTERM');
}, CHECK_MS);
watch.unref();
