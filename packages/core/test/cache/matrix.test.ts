/** What is kept, for how long, and when it is asked about: RFC 9111 as a table, through the public API. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { answer, ask, type Asking, at, caching, count, type Fields, pause } from "./support.ts"

type Outcome = "reused" | "asked again"

interface Row {
  readonly says: string
  readonly fields: Fields
  readonly status?: number
  /** Seconds between the two requests. */
  readonly after?: number
  readonly second?: Asking
  readonly first?: Asking
  readonly shared?: boolean
  readonly targets?: ReadonlyArray<string>
  readonly then: Outcome
}

const check = (row: Row) =>
  it.effect(`${row.says}: ${row.then}`, () =>
    Effect.gen(function*() {
      const first = yield* ask(row.first)
      yield* pause(row.after ?? 2)
      const second = yield* ask(row.second)
      assert.strictEqual(yield* count, row.then === "reused" ? 1 : 2)
      if (row.then === "reused") assert.strictEqual(second.body, first.body)
    }).pipe(caching(answer(row.fields, row.status), { shared: row.shared ?? false, targets: row.targets ?? [] })))

const table = (name: string, rows: ReadonlyArray<Row>) => describe(name, () => rows.forEach(check))

const minute = "max-age=60"

table("freshness (RFC 9111 4.2, CAC-08)", [
  { says: "nothing at all is said", fields: {}, then: "asked again" },
  { says: "max-age, in time", fields: { "cache-control": minute }, after: 59, then: "reused" },
  { says: "max-age, at its end", fields: { "cache-control": minute }, after: 60, then: "asked again" },
  { says: "max-age=0", fields: { "cache-control": "max-age=0" }, after: 0, then: "asked again" },
  { says: "max-age in any case", fields: { "cache-control": "Max-AGE=60" }, then: "reused" },
  { says: "max-age beyond 32 bits", fields: { "cache-control": "max-age=99999999999" }, after: 1e6, then: "reused" },
  { says: "max-age over a past Expires", fields: { "cache-control": minute, expires: at(-9) }, then: "reused" },
  {
    says: "max-age=0 over a future Expires",
    fields: { "cache-control": "max-age=0", expires: at(99) },
    then: "asked again"
  },
  { says: "an Age that is less", fields: { "cache-control": minute, age: "30" }, after: 29, then: "reused" },
  { says: "an Age that uses it up", fields: { "cache-control": minute, age: "60" }, after: 0, then: "asked again" },
  { says: "a Date long ago", fields: { "cache-control": minute, date: at(-61) }, after: 0, then: "asked again" },
  { says: "a Date in the future", fields: { "cache-control": minute, date: at(500) }, after: 59, then: "reused" },
  { says: "Expires, in time", fields: { date: at(0), expires: at(60) }, after: 59, then: "reused" },
  { says: "Expires, at its end", fields: { date: at(0), expires: at(60) }, after: 60, then: "asked again" },
  {
    says: "Expires counted from a slow Date",
    fields: { date: at(-30), expires: at(0) },
    after: 0,
    then: "asked again"
  },
  { says: "Expires without Date", fields: { expires: at(60) }, after: 30, then: "reused" },
  { says: "Expires: 0", fields: { expires: "0" }, after: 0, then: "asked again" },
  { says: "Expires that is no date", fields: { expires: "tomorrow" }, after: 0, then: "asked again" },
  { says: "Expires with a Date that is none", fields: { date: "now", expires: at(60) }, after: 30, then: "reused" },
  { says: "s-maxage in a private cache", fields: { "cache-control": "s-maxage=60, max-age=1" }, then: "asked again" },
  {
    says: "s-maxage in a shared cache",
    shared: true,
    fields: { "cache-control": "s-maxage=60, max-age=1" },
    then: "reused"
  },
  {
    says: "a short s-maxage, shared",
    shared: true,
    fields: { "cache-control": "max-age=60, s-maxage=1" },
    then: "asked again"
  }
])

table("Age (RFC 9111 5.1)", [
  { says: "no number", fields: { "cache-control": minute, age: "old" }, then: "reused" },
  { says: "a negative one", fields: { "cache-control": minute, age: "-99" }, then: "reused" },
  { says: "a fraction", fields: { "cache-control": minute, age: "99.5" }, then: "reused" },
  { says: "the first of a list", fields: { "cache-control": minute, age: "99, 0" }, after: 0, then: "asked again" },
  { says: "not the second of a list", fields: { "cache-control": minute, age: "0, 99" }, then: "reused" },
  { says: "the first of two lines", fields: [["cache-control", minute], ["age", "0"], ["age", "99"]], then: "reused" },
  { says: "beyond 32 bits", fields: { "cache-control": minute, age: "4294967299" }, after: 0, then: "asked again" }
])

table("what Cache-Control looks like (RFC 9111 4.2.1, 5.2)", [
  { says: "a quoted number", fields: { "cache-control": "max-age=\"60\"" }, then: "reused" },
  { says: "an apostrophe is no quote", fields: { "cache-control": "max-age='60'" }, then: "asked again" },
  {
    says: "inside of quotes nothing counts",
    fields: { "cache-control": "x=\"max-age=60\", max-age=1" },
    then: "asked again"
  },
  { says: "quotes after it", fields: { "cache-control": "max-age=1, x=\"max-age=60\"" }, then: "asked again" },
  { says: "a quote that never ends", fields: { "cache-control": "max-age=60, x=\"no-store" }, then: "reused" },
  { says: "an escaped quote", fields: { "cache-control": "x=\"\\\", no-store\", max-age=60" }, then: "reused" },
  { says: "a negative number", fields: { "cache-control": "max-age=-60" }, then: "asked again" },
  { says: "no number", fields: { "cache-control": "max-age=1h" }, then: "asked again" },
  { says: "leading zeros", fields: { "cache-control": "max-age=0060" }, then: "reused" },
  { says: "a blank before the sign", fields: { "cache-control": "max-age =60" }, then: "asked again" },
  { says: "the first of two", fields: { "cache-control": "max-age=1, max-age=60" }, then: "asked again" },
  { says: "unknown words beside it", fields: { "cache-control": "fast, max-age=60, x=y" }, then: "reused" },
  { says: "empty members", fields: { "cache-control": ",, max-age=60,," }, then: "reused" },
  { says: "over two lines", fields: [["cache-control", "public"], ["cache-control", minute]], then: "reused" }
])

table("directives of responses (RFC 9111 5.2.2)", [
  { says: "no-store", fields: { "cache-control": "no-store, max-age=60" }, then: "asked again" },
  { says: "NO-Store", fields: { "cache-control": "max-age=60, NO-Store" }, then: "asked again" },
  { says: "no-cache", fields: { "cache-control": "no-cache, max-age=60" }, then: "asked again" },
  {
    says: "no-cache for a field",
    fields: { "cache-control": "no-cache=\"x-a\", max-age=60", "x-a": "1" },
    then: "reused"
  },
  { says: "no-cache for nothing", fields: { "cache-control": "no-cache=\"\", max-age=60" }, then: "asked again" },
  { says: "private", fields: { "cache-control": "private, max-age=60" }, then: "reused" },
  {
    says: "private, shared cache",
    shared: true,
    fields: { "cache-control": "private, max-age=60" },
    then: "asked again"
  },
  {
    says: "private for a field, shared",
    shared: true,
    fields: { "cache-control": "private=\"x-a\", max-age=60" },
    then: "reused"
  },
  { says: "must-revalidate while fresh", fields: { "cache-control": "max-age=60, must-revalidate" }, then: "reused" },
  {
    says: "must-understand and a known status",
    fields: { "cache-control": "must-understand, no-store, max-age=60" },
    then: "reused"
  },
  {
    says: "must-understand and an unknown status",
    status: 299,
    fields: { "cache-control": "must-understand, max-age=60" },
    then: "asked again"
  },
  { says: "Pragma says nothing in a response", fields: { pragma: "no-cache", "cache-control": minute }, then: "reused" }
])

table("targeted fields (RFC 9213)", [
  { says: "one that is not ours", fields: { "cdn-cache-control": "max-age=60" }, then: "asked again" },
  {
    says: "ours, over Cache-Control",
    targets: ["CDN-Cache-Control"],
    fields: { "cdn-cache-control": minute, "cache-control": "no-store" },
    then: "reused"
  },
  {
    says: "ours forbids",
    targets: ["CDN-Cache-Control"],
    fields: { "cdn-cache-control": "no-store", "cache-control": minute },
    then: "asked again"
  },
  {
    says: "ours says nothing of Expires",
    targets: ["CDN-Cache-Control"],
    fields: { "cdn-cache-control": "public", expires: at(60) },
    then: "asked again"
  },
  { says: "the first of the list", targets: ["a", "b"], fields: { a: minute, b: "no-store" }, then: "reused" },
  {
    says: "one that cannot be read",
    targets: ["a"],
    fields: { a: "max-age=60,,", "cache-control": "no-store" },
    then: "asked again"
  },
  { says: "an empty one", targets: ["a"], fields: { a: "", "cache-control": minute }, then: "reused" },
  { says: "with parameters", targets: ["a"], fields: { a: "max-age=60;x=1, public;y" }, then: "reused" },
  { says: "false is not there", targets: ["a"], fields: { a: "no-store=?0, max-age=60" }, then: "reused" }
])

const changed = (ago: number) => ({ date: at(0), "last-modified": at(-ago) })

table("guesses (RFC 9111 4.2.2)", [
  { says: "a tenth of the time since the change", fields: changed(1000), after: 99, then: "reused" },
  { says: "no more than a tenth", fields: changed(1000), after: 100, then: "asked again" },
  { says: "no more than a day", fields: changed(4e7), after: 86_400, then: "asked again" },
  { says: "changed in the future", fields: changed(-1000), after: 1, then: "asked again" },
  ...[203, 204, 404, 405, 410, 414, 501].map((status): Row => ({
    says: `status ${status}`,
    status,
    fields: changed(1000),
    then: "reused"
  })),
  ...[201, 202, 403, 500, 502, 503, 504, 599].map((status): Row => ({
    says: `status ${status}`,
    status,
    fields: changed(1000),
    then: "asked again"
  })),
  {
    says: "an unknown status that is public",
    status: 599,
    fields: { ...changed(1000), "cache-control": "public" },
    then: "reused"
  }
])

table("statuses with a lifetime (RFC 9111 3)", [
  ...[200, 203, 204, 299, 400, 404, 410, 451, 499, 500, 502, 503, 504, 599].map((status): Row => ({
    says: `${status}`,
    status,
    fields: { "cache-control": minute },
    then: "reused"
  })),
  ...[401, 407, 425, 428, 429, 431, 511].map((status): Row => ({
    says: `${status}`,
    status,
    fields: { "cache-control": minute },
    then: "asked again"
  }))
])

const wanting = (control: string): Asking => ({ headers: { "cache-control": control } })

table("directives of requests (RFC 9111 5.2.1)", [
  { says: "no-cache", fields: { "cache-control": minute }, second: wanting("no-cache"), then: "asked again" },
  { says: "no-store", fields: { "cache-control": minute }, second: wanting("no-store"), then: "asked again" },
  {
    says: "no-store keeps nothing",
    fields: { "cache-control": minute },
    first: wanting("no-store"),
    then: "asked again"
  },
  { says: "max-age=0", fields: { "cache-control": minute }, second: wanting("max-age=0"), then: "asked again" },
  {
    says: "an older one than wanted",
    fields: { "cache-control": minute },
    after: 11,
    second: wanting("max-age=10"),
    then: "asked again"
  },
  {
    says: "a younger one than wanted",
    fields: { "cache-control": minute },
    after: 9,
    second: wanting("max-age=10"),
    then: "reused"
  },
  {
    says: "fresh for too short",
    fields: { "cache-control": minute },
    after: 11,
    second: wanting("min-fresh=50"),
    then: "asked again"
  },
  {
    says: "fresh for long enough",
    fields: { "cache-control": minute },
    after: 9,
    second: wanting("min-fresh=50"),
    then: "reused"
  },
  {
    says: "stale, and it may be",
    fields: { "cache-control": minute },
    after: 80,
    second: wanting("max-stale=30"),
    then: "reused"
  },
  {
    says: "staler than it may be",
    fields: { "cache-control": minute },
    after: 95,
    second: wanting("max-stale=30"),
    then: "asked again"
  },
  {
    says: "however stale",
    fields: { "cache-control": minute },
    after: 9e5,
    second: wanting("max-stale"),
    then: "reused"
  },
  {
    says: "stale, and must not be",
    fields: { "cache-control": `${minute}, must-revalidate` },
    after: 80,
    second: wanting("max-stale"),
    then: "asked again"
  },
  {
    says: "Pragma: no-cache",
    fields: { "cache-control": minute },
    second: { headers: { pragma: "no-cache" } },
    then: "asked again"
  },
  {
    says: "Pragma beside Cache-Control",
    fields: { "cache-control": minute },
    second: { headers: { pragma: "no-cache", "cache-control": "max-age=30" } },
    then: "reused"
  }
])

const language = (value: string): Asking => ({ headers: { "accept-language": value } })
const varied = { "cache-control": minute, vary: "Accept-Language" }

table("Vary (RFC 9111 4.1)", [
  { says: "the same", fields: varied, first: language("de"), second: language("de"), then: "reused" },
  { says: "another", fields: varied, first: language("de"), second: language("en"), then: "asked again" },
  { says: "one that is missing", fields: varied, first: language("de"), then: "asked again" },
  { says: "missing in both", fields: varied, then: "reused" },
  { says: "missing and empty", fields: varied, first: language(""), then: "asked again" },
  { says: "blanks in a list", fields: varied, first: language("de, en"), second: language("de ,en"), then: "reused" },
  {
    says: "languages in another case",
    fields: varied,
    first: language("de, EN"),
    second: language("DE, en"),
    then: "reused"
  },
  {
    says: "languages in another order",
    fields: varied,
    first: language("de, en"),
    second: language("en, de"),
    then: "asked again"
  },
  {
    says: "codings in another case",
    fields: { "cache-control": minute, vary: "accept-encoding" },
    first: { headers: { "accept-encoding": "GZIP" } },
    second: { headers: { "accept-encoding": "gzip" } },
    then: "reused"
  },
  {
    says: "a value of whose case nothing is known",
    fields: { "cache-control": minute, vary: "x-tenant" },
    first: { headers: { "x-tenant": "A" } },
    second: { headers: { "x-tenant": "a" } },
    then: "asked again"
  },
  { says: "*", fields: { "cache-control": minute, vary: "*" }, then: "asked again" },
  { says: "* among others", fields: { "cache-control": minute, vary: "accept, *" }, then: "asked again" },
  {
    says: "* on a line of its own",
    fields: [["cache-control", minute], ["vary", "accept"], ["vary", "*"]],
    then: "asked again"
  },
  { says: "no name at all", fields: { "cache-control": minute, vary: "," }, then: "reused" },
  { says: "what is no name", fields: { "cache-control": minute, vary: "a b" }, then: "asked again" }
])

table("keys (CAC-07)", [
  {
    says: "another query",
    fields: { "cache-control": minute },
    second: { url: "https://cache.test/thing?a" },
    then: "asked again"
  },
  {
    says: "another scheme",
    fields: { "cache-control": minute },
    second: { url: "http://cache.test/thing" },
    then: "asked again"
  },
  {
    says: "another port",
    fields: { "cache-control": minute },
    second: { url: "https://cache.test:8443/thing" },
    then: "asked again"
  },
  {
    says: "another fragment",
    fields: { "cache-control": minute },
    second: { url: "https://cache.test/thing#b" },
    then: "reused"
  },
  { says: "GET out of HEAD", fields: { "cache-control": minute }, first: { method: "HEAD" }, then: "asked again" }
])
