/** What this process really has open: counted from outside, so that the session is not asked about itself. */
import * as Effect from "effect/Effect"
import { fstatSync } from "node:fs"

/** Handles by kind. */
export interface Census {
  readonly sockets: number
  readonly timers: number
  readonly files: number
}

// Node's names for what its event loop holds; pipes and terminals are not here, since they are the process's own
const sockets = new Set(["TCPSocketWrap", "TLSWrap", "TCPConnectWrap", "GetAddrInfoReqWrap"])
const requests = new Set(["FSReqCallback", "FSReqPromise", "FileHandle"])

/** Descriptors are small numbers, given out lowest first: behind a long gap there is none. */
const gap = 64

const openDescriptors = (): { readonly files: number; readonly sockets: number } => {
  const found = { files: 0, sockets: 0 }
  for (let descriptor = 3, missing = 0; missing < gap; descriptor++) {
    try {
      const kind = fstatSync(descriptor)
      missing = 0
      if (kind.isFile()) found.files++
      else if (kind.isSocket()) found.sockets++
    } catch {
      missing++
    }
  }
  return found
}

/** Counts. Sockets are descriptors and event-loop handles, whichever are more: a handle can be open and not referenced. */
export const take: Effect.Effect<Census> = Effect.sync(() => {
  const active = process.getActiveResourcesInfo()
  const descriptors = openDescriptors()
  const count = (names: ReadonlySet<string>) => active.filter((name) => names.has(name)).length
  return {
    sockets: Math.max(descriptors.sockets, count(sockets)),
    timers: active.filter((name) => name === "Timeout").length,
    files: descriptors.files + count(requests)
  }
})

/** What has been opened since and is open still. */
export const since = (before: Census, now: Census): Census => ({
  sockets: Math.max(0, now.sockets - before.sockets),
  timers: Math.max(0, now.timers - before.timers),
  files: Math.max(0, now.files - before.files)
})

/** The last line of a run. */
export const line = (open: Census): string => {
  const many = (count: number, name: string) => `${count} ${name}${count === 1 ? "" : "s"}`
  return `open: ${many(open.sockets, "socket")}, ${many(open.timers, "timer")}, ${many(open.files, "file")}`
}
