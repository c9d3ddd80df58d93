/** The calls to the file system, with something to be done before each. */
import { writeSync } from "node:fs"
import type { FileHandle } from "node:fs/promises"
import * as promises from "node:fs/promises"
import type { Files } from "../../src/internal/lockedFile.ts"

/** `before` is given the number of the call, from 1, and for a write what does half of it. It may throw. */
export const atEachCall = (before: (call: number, halfDone?: () => void) => void): Files => {
  let calls = 0
  const counted = <B>(f: () => Promise<B>): Promise<B> =>
    Promise.resolve().then(() => {
      before(++calls)
      return f()
    })
  const handle = (file: FileHandle): FileHandle =>
    new Proxy(file, {
      get: (target, property) => {
        if (property === "writeFile") {
          return (content: string | Uint8Array) =>
            Promise.resolve().then(() => {
              const bytes = Buffer.from(content)
              before(++calls, () => writeSync(target.fd, bytes, 0, bytes.length >> 1))
              return target.writeFile(bytes)
            })
        }
        if (property === "sync") return () => counted(() => target.sync())
        // what is closed is closed, whatever else fails
        if (property === "close") return () => target.close()
        return Reflect.get(target, property)
      }
    })
  const all = new Proxy({ ...promises }, {
    get: (target, property) => {
      const f: unknown = Reflect.get(target, property)
      return typeof f === "function"
        ? (...parameters: ReadonlyArray<unknown>) => counted(() => Reflect.apply(f, target, parameters))
        : f
    }
  })
  const { chmod, link, mkdir, readFile, realpath, rename, rm, stat } = all
  const open: typeof promises.open = (...parameters) => all.open(...parameters).then(handle)
  return { chmod, link, mkdir, open, readFile, realpath, rename, rm, stat }
}
