/**
 * Ends the program that imports it, like SIGTERM, once its parent process is gone: npm sends SIGTERM to its shell,
 * which on Debian exits without telling its children. No other process would end a program that hangs, so this module
 * does.
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
