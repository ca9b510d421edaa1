import type { Duplex } from 'node:stream';

/** A socket of `node:net` or `node:tls`. Its handle is private, and there is no public sign of how far a write is. */
interface Writing {
  readonly _handle?: { readonly writeQueueSize?: unknown } | null;
}

/** Bytes that the running write of a stream has not passed to the system; 0 if that is not known. */
export function bytesBeingWritten(stream: Duplex | undefined): number {
  const { _handle: handle }: Writing = (stream ?? {}) as Writing;
  const bytes = handle?.writeQueueSize;
  return typeof bytes === 'number' ? bytes : 0;
}
