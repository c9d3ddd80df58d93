/**
 * Evaluators of servers that need cryptography: what authorities say of a certificate after they have signed it, and a chain judged
 * at another time.
 *
 * @since 0.1.0
 */
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { rootSetOf } from "./internal/secureContext.ts"
import { revokedText } from "./internal/trust.ts"
import { type Fields, fieldsOf } from "./internal/x509/fields.ts"
import { ocspStatement, type Statement } from "./internal/x509/ocsp.ts"
import { validated } from "./internal/x509/path.ts"
import { listsOf, listStatement, type RevocationList } from "./internal/x509/revocationList.ts"

/**
 * How revocation is looked at.
 *
 * @since 0.1.0
 * @category models
 */
export interface RevocationOptions {
  /** Certificate revocation lists: PEM texts or DER bytes. One that cannot be read fails every evaluation. */
  readonly lists?: ReadonlyArray<string | Uint8Array>
  /**
   * Whose certificate must be known not to be revoked, by a current answer of its authority: `nobody` (soft: only what is known
   * to be revoked is refused), the `leaf`, or the whole `chain` but the root. `nobody` unless said.
   */
  readonly required?: "nobody" | "leaf" | "chain"
  /** How much the clocks may differ; 5 minutes. */
  readonly clockSkew?: Duration.DurationInput
}

const statementsOn = (
  certificate: Fields,
  issuer: Fields,
  stapled: Uint8Array | undefined,
  lists: ReadonlyArray<RevocationList>
): ReadonlyArray<Statement> =>
  [
    stapled === undefined ? undefined : ocspStatement(stapled, certificate, issuer),
    ...lists.map((list) => listStatement(list, certificate, issuer))
  ].filter((one) => one !== undefined)

/**
 * Refuses what an authority has revoked (`Revoked`): by the OCSP response that the server staples, and by lists that are given. Only
 * what the issuer has signed, or a responder that it has named, counts (RFC 6960 4.2.2.2, RFC 5280 6.3). What is revoked stays so
 * whatever the clock says; that it is not must be current, and is asked for with `required` (`RevocationUnknown`). Nothing is
 * fetched. Without this evaluator a session refuses what a staple says is revoked, and nothing else.
 *
 * @example
 * ```ts
 * import { ChallengeResolver, UrlSession } from "@urlsession/core"
 * import { NodeServerTrust, NodeTransport } from "@urlsession/node"
 * import { Layer } from "effect"
 * import { readFileSync } from "node:fs"
 *
 * const Delegate = ChallengeResolver.layer({
 *   ServerTrust: NodeServerTrust.revocation({ lists: [readFileSync("authority.crl")], required: "leaf" })
 * })
 *
 * const Session = UrlSession.layer(undefined, Delegate).pipe(Layer.provide(NodeTransport.layer))
 * ```
 *
 * @since 0.1.0
 * @category evaluators
 */
export const revocation = (options: RevocationOptions = {}): ServerTrust.Evaluator => {
  const lists = listsOf(options.lists ?? [])
  const required = options.required ?? "nobody"
  const skew = Duration.toMillis(options.clockSkew ?? "5 minutes")
  const current = (statements: ReadonlyArray<Statement>, now: number): boolean =>
    statements.some(({ from, status, until }) => status === "Good" && from - skew <= now && now < until + skew)
  const judge = (trust: ServerTrust.ServerTrust, now: number): ServerTrust.Verdict => {
    if (lists === undefined) {
      return ServerTrust.reject("a revocation list cannot be read. Give whole PEM texts or DER", "RevocationUnknown")
    }
    const chain = trust.chain.map((one) => fieldsOf(one.der))
    // a root is nobody's to revoke
    const judged = chain.slice(0, Math.max(1, chain.length - 1)).map((certificate, index) => {
      const issuer = chain[index + 1]
      return {
        which: index === 0 ? "its certificate" : `the certificate of ${trust.chain[index]?.subject ?? ""}`,
        needed: required === "chain" || (required === "leaf" && index === 0),
        statements: certificate === undefined || issuer === undefined
          ? []
          : statementsOn(certificate, issuer, index === 0 ? trust.stapledOcsp : undefined, lists)
      }
    })
    for (const { statements, which } of judged) {
      const revoked = statements.find((one) => one.status === "Revoked")
      if (revoked !== undefined) return ServerTrust.reject(revokedText(which, revoked.revokedAt), "Revoked")
    }
    const missing = judged.find(({ needed, statements }) => needed && !current(statements, now))
    return missing === undefined
      ? ServerTrust.performDefault
      : ServerTrust.reject(
        `nothing current says that ${missing.which} is not revoked. The server must staple an OCSP response, or a newer list is needed`,
        "RevocationUnknown"
      )
  }
  return ServerTrust.evaluator(
    { _tag: "System" },
    (trust) => Effect.map(Clock.currentTimeMillis, (now) => judge(trust, now)),
    { usesServices: false, mayAccept: false }
  )
}

const dates: ReadonlySet<string> = new Set(["Expired", "NotYetValid"])

// the inner evaluator sees the chain as it is at that time; what it accepts by default is then accepted
const judgedBy = <R>(
  self: ServerTrust.Evaluator<R>,
  trust: ServerTrust.ServerTrust
): Effect.Effect<ServerTrust.Verdict, unknown, R> =>
  self.judge === undefined
    ? Effect.succeed(ServerTrust.accept)
    : Effect.map(
      self.judge(trust),
      (verdict) => verdict._tag === "Reject" || verdict._tag === "RetryWith" ? verdict : ServerTrust.accept
    )

const rejected = (fault: string, detail: string, at: number): ServerTrust.Verdict =>
  ServerTrust.reject(
    `as of ${new Date(at).toISOString()}, ${detail}`,
    fault === "InvalidChain" ? "InvalidChain" : "Refused"
  )

/** Judges the whole chain again at a time; what is wrong beside its dates is not forgiven. */
const again = <R>(
  self: ServerTrust.Evaluator<R>,
  trust: ServerTrust.ServerTrust,
  at: number
): Effect.Effect<ServerTrust.Verdict, unknown, R> => {
  // the platform's walk to a root, the name, the keys, the staple: all that has been found already
  if (trust.faults.some((fault) => !dates.has(fault))) return Effect.succeed(ServerTrust.verify)
  const roots = rootSetOf(ServerTrust.rootsOf(self, trust.host))
  const result = validated(trust.chain.map((one) => one.der), (one) => roots.fieldsFor(one), at)
  return result.valid
    ? judgedBy(self, { ...trust, chainTrusted: true, trusted: true, faults: [] })
    : Effect.succeed(rejected(result.fault, result.detail, at))
}

const forgiving = <R>(
  self: ServerTrust.Evaluator<R>,
  judge: (trust: ServerTrust.ServerTrust) => Effect.Effect<ServerTrust.Verdict, unknown, R>
): ServerTrust.Evaluator<R> =>
  ServerTrust.evaluator(self.roots, judge, {
    usesServices: self.usesServices,
    rootsFor: self.rootsFor,
    mayAccept: true
  })

/**
 * Judges servers as if it were that date: the whole chain is validated again (RFC 5280 6) against the roots of the evaluator, and
 * the evaluator is asked about the chain as it was then. A fault beside the dates is never forgiven. Whoever is accepted
 * although the platform refuses counts as accepted against it: nothing that is learned from it is kept.
 *
 * @example
 * ```ts
 * import { ServerTrust } from "@urlsession/core"
 * import { NodeServerTrust } from "@urlsession/node"
 *
 * declare const root: string
 *
 * const archived = ServerTrust.onlyRoots([root]).pipe(NodeServerTrust.validatedAt(new Date("2024-05-01")))
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const validatedAt = (date: Date) => <R>(self: ServerTrust.Evaluator<R>): ServerTrust.Evaluator<R> =>
  forgiving(self, (trust) => again(self, trust, date.getTime()))

/**
 * Forgives an expired certificate for some time after its end, and nothing else: the whole chain is validated again
 * (RFC 5280 6) as it was at the last moment at which all of it was valid.
 *
 * @since 0.1.0
 * @category combinators
 */
export const allowExpired =
  (grace: Duration.DurationInput) => <R>(self: ServerTrust.Evaluator<R>): ServerTrust.Evaluator<R> =>
    forgiving(self, (trust) =>
      trust.trusted || trust.faults.includes("NotYetValid")
        ? self.judge === undefined ? Effect.succeed(ServerTrust.performDefault) : self.judge(trust)
        : Effect.flatMap(Clock.currentTimeMillis, (now) => {
          const end = Math.min(...trust.chain.map((one) => one.notAfter.getTime()))
          return now <= end + Duration.toMillis(grace)
            ? again(self, trust, end)
            : Effect.succeed(ServerTrust.verify)
        }))
