/** How old a response is and how long it is fresh (RFC 9111 4.2). Times in milliseconds since the epoch, ages in seconds. */
import { deltaSeconds, type ResponseControl } from "./cacheControl.ts"
import { trimBlanks } from "./characters.ts"
import { parseHttpDate } from "./httpDate.ts"

/** Statuses of which a cache may assume how long they hold (RFC 9110 15.1). */
const assumable = new Set([200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501])

/** Whether a response without any lifetime may be kept for one that is guessed. */
export const isHeuristicallyCacheable = (status: number): boolean => assumable.has(status)

/** The part of the time since the last change that a response is assumed to hold, and the most that is assumed. */
const heuristicShare = 0.1
const heuristicLimit = 24 * 60 * 60

/** Why a response is fresh for as long as it is. */
export type LifetimeSource = "s-maxage" | "max-age" | "expires" | "heuristic" | "none"

/** How fresh a response is, worked out once, when it is kept. */
export interface Freshness {
  /** Seconds. */
  readonly lifetime: number
  readonly source: LifetimeSource
  /** Its age when it was received, in milliseconds (RFC 9111 4.2.3, `corrected_initial_age`). */
  readonly initialAge: number
  readonly receivedAt: number
  /** It is fresh before this moment. */
  readonly freshUntil: number
}

/** What freshness is made of. */
export interface Dated {
  readonly status: number
  readonly getAll: (name: string) => ReadonlyArray<string>
  /** When the request was sent, and when the head of the response came. */
  readonly requestTime: number
  readonly responseTime: number
}

/** `Age`: the first member of the first line; what is no number is as if it were not there (RFC 9111 5.1). */
export const ageValue = ([line]: ReadonlyArray<string>): number | undefined =>
  line === undefined ? undefined : deltaSeconds(trimBlanks(line.split(",", 1)[0] ?? ""))

const dateOf = (response: Dated, name: string): number | undefined => {
  const line = response.getAll(name)[0]
  return line === undefined ? undefined : parseHttpDate(trimBlanks(line), response.responseTime)
}

const explicitLifetime = (
  response: Dated,
  control: ResponseControl,
  shared: boolean,
  targeted: boolean,
  date: number
): readonly [number, LifetimeSource] | undefined => {
  if (shared && control.sharedMaxAge !== undefined) return [control.sharedMaxAge, "s-maxage"]
  if (control.maxAge !== undefined) return [control.maxAge, "max-age"]
  if (targeted || response.getAll("expires").length === 0) return undefined
  // a date that is none lies in the past (RFC 9111 5.3)
  const expires = dateOf(response, "expires")
  return [expires === undefined ? 0 : Math.max(0, (expires - date) / 1000), "expires"]
}

/** Reads the lifetime and the age of a response. */
export const freshnessOf = (
  response: Dated,
  control: ResponseControl,
  shared: boolean,
  targeted = false
): Freshness => {
  const { requestTime, responseTime } = response
  const said = dateOf(response, "date")
  const date = said ?? responseTime
  const apparentAge = said === undefined ? 0 : Math.max(0, responseTime - said)
  // a clock that went back while we waited makes no response younger
  const delay = Math.max(0, responseTime - requestTime)
  const initialAge = Math.max(apparentAge, (ageValue(response.getAll("age")) ?? 0) * 1000 + delay)
  const explicit = explicitLifetime(response, control, shared, targeted, date)
  const [lifetime, source] = explicit ?? heuristicLifetime(response, control, date)
  return {
    lifetime,
    source,
    initialAge,
    receivedAt: responseTime,
    freshUntil: responseTime + lifetime * 1000 - initialAge
  }
}

const heuristicLifetime = (
  response: Dated,
  control: ResponseControl,
  date: number
): readonly [number, LifetimeSource] => {
  if (!control.public && !assumable.has(response.status)) return [0, "none"]
  const changed = dateOf(response, "last-modified")
  if (changed === undefined || changed >= date) return [0, "none"]
  return [Math.min(heuristicShare * (date - changed) / 1000, heuristicLimit), "heuristic"]
}

/** The age at a moment, in milliseconds. */
export const currentAge = (freshness: Freshness, now: number): number =>
  freshness.initialAge + Math.max(0, now - freshness.receivedAt)

/**
 * Whether it is fresh at a moment. Before the moment at which it came the clock has been set back, and nobody knows how much
 * time has passed: it is not.
 */
export const isFresh = (freshness: Freshness, now: number): boolean =>
  now < freshness.freshUntil && now >= freshness.receivedAt
