/** A path in the form in which engine.io compares it with request targets. The default is Socket.IO's, also of an empty path. */
export function enginePath(path?: string, addTrailingSlash?: boolean): string {
  return `${(path || '/socket.io').replace(/\/$/, '')}${addTrailingSlash === false ? '' : '/'}`;
}
