/** The same request by curl: what it makes of a server is what users expect of us. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { execFile } from "node:child_process"
import { answered, type Failure, type Outcome } from "./outcome.ts"

const Told = Schema.parseJson(Schema.Struct({
  response_code: Schema.Number,
  content_type: Schema.NullOr(Schema.String),
  exitcode: Schema.Number
}))

// https://curl.se/libcurl/c/libcurl-errors.html
const failures: Readonly<Record<number, Failure>> = {
  7: "no connection",
  16: "the connection was lost",
  18: "the connection was lost",
  35: "TLS",
  47: "too many redirects",
  52: "the connection was lost",
  55: "the connection was lost",
  97: "the proxy",
  60: "the certificate of the server",
  90: "the certificate of the server",
  92: "the connection was lost"
}

// A refused client certificate shows where curl happens to be: while it reads, with TLS 1.3.
const failureOf = (code: number, message: string): Failure =>
  /from proxy after CONNECT|CONNECT tunnel failed/.test(message)
    ? "the proxy"
    : code === 56
    ? /alert/.test(message) ? "TLS" : "the connection was lost"
    : failures[code] ?? "another"

/** Runs curl with what it understands as parameters, the URL last. No settings of the user or the environment apply. */
export const curl = (...parameters: ReadonlyArray<string>): Effect.Effect<Outcome> =>
  Effect.flatMap(
    Effect.async<{ readonly body: Buffer; readonly told: string }>((resume) => {
      const child = execFile(
        "/usr/bin/curl",
        ["-q", "-sS", "--noproxy", "*", "--max-time", "25", "-w", "%{stderr}\n%{json}", ...parameters],
        { encoding: "buffer", env: { LC_ALL: "C.UTF-8" }, maxBuffer: 512 * 1024 * 1024 },
        (_, body, told) => resume(Effect.succeed({ body, told: told.toString() }))
      )
      return Effect.sync(() => child.kill())
    }),
    ({ body, told }) => {
      const [line = "", ...above] = told.trimEnd().split("\n").reverse()
      return Effect.map(
        Effect.orDie(Schema.decodeUnknown(Told)(line)),
        (one): Outcome =>
          one.exitcode !== 0
            ? { _tag: "Failed", how: failureOf(one.exitcode, above.join("\n")) }
            : answered({
              status: one.response_code,
              body,
              type: one.content_type ?? ""
            })
      )
    }
  )
