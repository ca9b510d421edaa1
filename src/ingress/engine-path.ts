/** A path in the form in which engine.io compares it with request targets. The default is Socket.IO's. */
export function enginePath(path = '/socket.io', addTrailingSlash?: boolean): string {
  return `${path.replace(/\/$/, '')}${addTrailingSlash === false ? '' : '/'}`;
}
