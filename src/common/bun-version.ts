/** Whether this runs on Bun of this version or a newer one. */
export function isBunSince(major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = (process.versions.bun ?? '').split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
