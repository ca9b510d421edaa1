/** Loaded into the chat's server by `screenshots.mjs`: its clock shows the time of the last message from the parent process. */
let now = Date.now();
process.on('message', (time) => {
  now = time;
});
process.on('disconnect', () => process.exit());
process.channel?.unref();

globalThis.Date = class extends Date {
  constructor(...args) {
    super(...(args.length === 0 ? [now] : args));
  }

  static now() {
    return now;
  }
};
