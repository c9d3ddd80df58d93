/**
 * http-cache-semantics as an oracle for what is kept and for how long. Where it answers otherwise the reason stands beside the
 * difference; a difference without a reason fails.
 */
import { assert, describe, it } from "@effect/vitest"
import { HeaderFields } from "@urlsession/core/HeaderFields"
import * as FastCheck from "effect/FastCheck"
import CachePolicy from "http-cache-semantics"
import { type CacheMode, judge, mayStore } from "../../src/internal/protocol/cacheEntry.ts"
import { at, epoch } from "./support.ts"

interface Given {
  readonly status: number
  readonly control: string | undefined
  readonly expires: string | undefined
  readonly age: string | undefined
  readonly lastModified: string | undefined
  readonly vary: string | undefined
  readonly authorized: boolean
  readonly shared: boolean
}

const directive = FastCheck.constantFrom(
  "max-age=0",
  "max-age=60",
  "max-age=600",
  "s-maxage=0",
  "s-maxage=90",
  "no-cache",
  "no-store",
  "private",
  "public",
  "must-revalidate",
  "proxy-revalidate",
  "immutable",
  "max-age=x",
  "no-transform"
)
const maybe = <A>(arbitrary: FastCheck.Arbitrary<A>) => FastCheck.option(arbitrary, { nil: undefined })

const given: FastCheck.Arbitrary<Given> = FastCheck.record({
  status: FastCheck.constantFrom(200, 203, 204, 301, 302, 307, 308, 404, 405, 410, 414, 501, 500, 503),
  control: maybe(
    FastCheck.uniqueArray(directive, {
      minLength: 1,
      maxLength: 3,
      // two lifetimes of one name are a difference of their own
      selector: (one) => one.split("=")[0]
    }).map((all) => all.join(", "))
  ),
  expires: maybe(FastCheck.constantFrom(at(-60), at(0), at(120), at(1200))),
  age: maybe(FastCheck.constantFrom("0", "30", "300")),
  lastModified: maybe(FastCheck.constantFrom(at(-100), at(-10_000), at(-1e6))),
  vary: maybe(FastCheck.constantFrom("accept", "*")),
  authorized: FastCheck.boolean(),
  shared: FastCheck.boolean()
})

const fieldsOf = (one: Given): Record<string, string> =>
  Object.fromEntries(
    Object.entries({
      date: at(0),
      "cache-control": one.control,
      expires: one.expires,
      age: one.age,
      "last-modified": one.lastModified,
      vary: one.vary
    }).filter((entry): entry is [string, string] => entry[1] !== undefined)
  )

const theirs = (one: Given) => {
  const policy = new CachePolicy(
    { url: "/", method: "GET", headers: one.authorized ? { authorization: "x" } : {} },
    { status: one.status, headers: fieldsOf(one) },
    { shared: one.shared, cacheHeuristic: 0.1, immutableMinTimeToLive: 0 }
  )
  return { stored: policy.storable(), ttl: policy.maxAge() }
}

const ours = (one: Given) => {
  const mode: CacheMode = { shared: one.shared, targets: [] }
  const fields = HeaderFields.fromEntries(Object.entries(fieldsOf(one)))
  const url = "https://cache.test/"
  const decision = mayStore(
    { method: "GET", requestNoStore: false, authorized: one.authorized, url, status: one.status, fields },
    mode
  )
  const judged = judge(
    { url, status: one.status, reason: "", fields, requestTime: epoch, responseTime: epoch, vary: [], part: undefined },
    mode
  )
  return { stored: decision.store, lifetime: judged.freshness.lifetime, mustAsk: judged.mustAsk }
}

/** Why ours is another answer; `undefined` where there is no reason. */
const reason = (one: Given, kept: { readonly ours: boolean; readonly theirs: boolean }): string | undefined => {
  const control = one.control ?? ""
  if (one.vary === "*" && !kept.ours) return "varies by more than fields: never found again, so not kept (RFC 9111 4.1)"
  if (!kept.ours && [302, 307, 500, 503].includes(one.status)) {
    return "it takes Expires or max-age where a directive beside it gives no lifetime to this status"
  }
  if (kept.ours && one.status === 204) return "204 is kept by default (RFC 9110 15.1); it leaves it out"
  if (kept.ours && [405, 414, 500, 503, 302, 307].includes(one.status)) {
    return "any final status is kept that is understood and allowed (RFC 9111 3); it has a list"
  }
  if (kept.ours && control.includes("max-age=x")) {
    return "a lifetime that cannot be read is stale, not forbidden (RFC 9111 4.2.1)"
  }
  if (kept.ours && !one.shared && control.includes("s-maxage")) return "s-maxage says nothing to a private cache"
  if (kept.ours && one.shared && one.authorized) return "must-revalidate allows it (RFC 9111 3.5)"
  return undefined
}

describe("the oracle http-cache-semantics", () => {
  it.prop("agrees on what is kept, or the difference has a reason", [given], ([one]) => {
    const kept = { ours: ours(one).stored, theirs: theirs(one).stored }
    if (kept.ours !== kept.theirs) assert.isDefined(reason(one, kept), JSON.stringify({ one, kept }))
  }, { fastCheck: { numRuns: 2000 } })

  it.prop("agrees on how long it is fresh, or the difference has a reason", [given], ([one]) => {
    const mine = ours(one)
    if (!mine.stored || !theirs(one).stored || mine.mustAsk) return
    const control = one.control ?? ""
    const ttl = theirs(one).ttl
    // it counts what must not be used without asking as a lifetime of 0
    if (one.shared && control.includes("proxy-revalidate") && ttl === 0) return
    // it takes an unreadable lifetime as if it were not there
    if (control.includes("max-age=x")) return
    // it caps nothing, we cap a guess at a day
    if (mine.lifetime === 86_400) return
    assert.closeTo(mine.lifetime, ttl, 1, JSON.stringify(one))
  }, { fastCheck: { numRuns: 2000 } })
})
