/** The phases of an exchange, and their drawing as a waterfall: one bar a phase, on one scale. Pure. */
import type { TransactionMetrics } from "@urlsession/core/TaskMetrics"
import { bytes, time } from "./units.ts"

/** The phases in the order in which they happen. */
export const names = ["dns", "connect", "tls", "request", "first byte", "body"] as const

/** One phase, in milliseconds since the exchange began. `cut`: it never ended. */
export interface Phase {
  readonly name: typeof names[number]
  readonly start: number
  readonly end: number
  readonly cut: boolean
}

/** The phases that happened. One that began and has no end is taken to end with the task, at `taskEnd`. */
export const phases = (one: TransactionMetrics, taskEnd: number): ReadonlyArray<Phase> => {
  const found: Array<Phase> = []
  const add = (name: Phase["name"], start: number | undefined, end: number | undefined) => {
    if (start === undefined) return
    const from = start - one.fetchStart
    found.push({ name, start: from, end: Math.max(from, (end ?? taskEnd) - one.fetchStart), cut: end === undefined })
  }
  add("dns", one.domainLookupStart, one.domainLookupEnd)
  add("connect", one.connectStart, one.secureConnectionStart ?? one.connectEnd)
  add("tls", one.secureConnectionStart, one.secureConnectionEnd)
  add("request", one.requestStart, one.requestEnd)
  add("first byte", one.requestEnd, one.responseStart)
  add("body", one.responseStart, one.responseEnd)
  return found
}

/** From the first moment of the exchange to its last, in milliseconds. */
export const duration = (all: ReadonlyArray<Phase>): number => all.reduce((last, phase) => Math.max(last, phase.end), 0)

/** A URL as it may be shown: a query can hold a signature. */
export const shownUrl = (url: string): string => {
  const end = url.search(/[?#]/)
  const bare = end < 0 ? url : url.slice(0, end)
  return bare.length > 200 ? `${bare.slice(0, 199)}…` : bare
}

const title = (one: TransactionMetrics, number: number, all: ReadonlyArray<Phase>): string => {
  const status = one.status === undefined ? "no response" : String(one.status)
  const lost = one.status !== undefined && all.some((phase) => phase.cut) ? ", cut off" : ""
  return `${number}. ${one.method} ${shownUrl(one.url)} -> ${status}${lost}`
}

const details = (one: TransactionMetrics, all: ReadonlyArray<Phase>): string => {
  const { connection } = one
  const parts = [time(duration(all)), `${bytes(one.responseBodyBytes)} of body`]
  if (connection !== undefined) {
    parts.push(
      connection.trust === undefined ? connection.protocol : `${connection.protocol} ${connection.trust.protocol}`
    )
    parts.push(`connection ${connection.id}${one.reused ? ", used before" : ""}`)
  }
  return parts.join(", ")
}

const nameWidth = Math.max(...names.map((name) => name.length))
const timeWidth = 10

/** The lines of one exchange: what it was, then a bar for each phase, no line longer than `columns` where that can be. */
export const waterfall = (
  one: TransactionMetrics,
  options: { readonly number: number; readonly taskEnd: number; readonly columns: number }
): ReadonlyArray<string> => {
  const all = phases(one, options.taskEnd)
  const room = Math.max(10, Math.min(60, options.columns - nameWidth - timeWidth - 7))
  const scale = room / Math.max(duration(all), Number.MIN_VALUE)
  const drawn = all.map((phase) => {
    const first = Math.min(room - 1, Math.floor(phase.start * scale))
    // what happened is seen, however short it was
    const length = Math.max(1, Math.min(room - first, Math.round((phase.end - phase.start) * scale)))
    const mark = phase.cut ? `${"█".repeat(length - 1)}╳` : "█".repeat(length)
    const line = `${" ".repeat(first)}${mark}`.padEnd(room)
    return `   ${phase.name.padEnd(nameWidth)} |${line}| ${time(phase.end - phase.start).padStart(timeWidth)}`
  })
  return [title(one, options.number, all), `   ${details(one, all)}`, ...drawn]
}
