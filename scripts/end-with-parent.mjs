/**
 * Loaded by a program, it ends it as SIGTERM does once the process that started it is gone: npm hands SIGTERM on to its
 * shell, which on Debian dies of it without telling anybody.
 */
const CHECK_MS = 250;

const parent = process.ppid;
const watch = setInterval(() => {
  if (process.ppid === parent) return;
  clearInterval(watch);
  process.kill(process.pid, 'SIGTERM');
}, CHECK_MS);
watch.unref();
