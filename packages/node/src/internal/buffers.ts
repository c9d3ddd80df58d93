/** Memory for reading: one buffer for all heads and small bodies of the process, and a few large ones for large bodies. */

const sharedSize = 64 * 1024
const largeSize = 256 * 1024
const largeKept = 8

/**
 * What every idle and head-reading connection reads into. A read is handed on and copied within one callback, and no other
 * read can come between.
 */
export const sharedBytes: Uint8Array = new Uint8Array(sharedSize)

const sharedView = Buffer.from(sharedBytes.buffer)

/** The bytes as Latin-1 text, by the runtime's own decoder. */
export const latin1 = (bytes: Uint8Array, start: number, end: number): string =>
  bytes === sharedBytes
    ? sharedView.toString("latin1", start, end)
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1", start, end)

const free: Array<Uint8Array> = []

/** A buffer for one connection while it reads a large body: fewer, larger reads. */
export const acquireLarge = (): Uint8Array => free.pop() ?? new Uint8Array(largeSize)

/** Gives a large buffer back; nothing may read into it any more. */
export const releaseLarge = (buffer: Uint8Array): void => {
  if (free.length < largeKept) free.push(buffer)
}

/** A read is worth no less than this. */
export const freshLeast = 16 * 1024

/** Memory that is read into once and then belongs to whoever gets the bytes; not cleared, and nobody else's. Large, since each piece costs the collector. */
export const freshBytes = (): Uint8Array => new Uint8Array(Buffer.allocUnsafeSlow(largeSize).buffer)

/** A plain copy that nobody else has. */
export const copyOf = (borrowed: Uint8Array): Uint8Array => {
  const copy = new Uint8Array(borrowed.length)
  copy.set(borrowed)
  return copy
}
