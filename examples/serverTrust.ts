/**
 * "Performing manual server trust authentication", Apple's article, with evaluators: a server of our own whose certificate comes
 * from an authority that no platform knows. `node --conditions @urlsession/source examples/serverTrust.ts` with a Node that reads
 * TypeScript, or `tsc -b examples && node examples/dist/serverTrust.js`.
 *
 * The steps of the article, and where they are here:
 * - when is it appropriate: `perHost` names the hosts that are ours; every other is judged by default,
 * - evaluate the certificate: the roots are ours (`onlyRoots`), the key is one of those we know (`pinned`, with a backup and an
 *   end), nothing is too weak (`keySizes`) or revoked (`revocation`); the name is always looked at, whoever decides,
 * - answer the challenge: a verdict. What is refused says why, and no byte of the request has left.
 */
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import type * as SessionError from "@urlsession/core/SessionError"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as NodeServerTrust from "@urlsession/node/NodeServerTrust"
import * as NodeTransport from "@urlsession/node/NodeTransport"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createServer } from "node:https"
import { pathToFileURL } from "node:url"
import { type Issued, makeAuthority } from "./support/pki.ts"

const serving = (issued: Issued) =>
  Effect.acquireRelease(
    Effect.async<{ readonly server: ReturnType<typeof createServer>; readonly port: number }>((resume) => {
      const server = createServer(
        { cert: issued.chain, key: issued.key },
        (_request, response) => response.end("hello")
      )
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed({ server, port: typeof address === "object" && address !== null ? address.port : 0 }))
      })
    }),
    ({ server }) =>
      Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )

/** The evaluator for a host of ours: every part is a value, and the first that refuses decides. */
const ours = (root: string, pin: ServerTrust.Pin, backup: ServerTrust.Pin, host: string) =>
  ServerTrust.perHost({
    [host]: ServerTrust.composite(
      ServerTrust.onlyRoots([root]),
      ServerTrust.pinned({ [host]: { pins: [pin], backups: [backup], expires: new Date("2036-01-01") } }),
      ServerTrust.keySizes(),
      NodeServerTrust.revocation()
    )
  })

const why = (error: SessionError.SessionError): string =>
  error._tag === "TlsError" && error.reason._tag === "ServerCertificateUntrusted"
    ? `refused, ${error.reason.why} (${error.code})`
    : `refused, ${error.reason._tag} (${error.code})`

const visit = (url: string, evaluator: ServerTrust.Evaluator) =>
  Effect.flatMap(UrlSession.UrlSession, (session) => session.data(url)).pipe(
    Effect.match({
      onFailure: why,
      onSuccess: ([bytes]) => `accepted: ${new TextDecoder().decode(bytes)}`
    }),
    Effect.provide(
      UrlSession.layer(undefined, ChallengeResolver.layer({ ServerTrust: evaluator })).pipe(
        Layer.provide(NodeTransport.layer)
      )
    )
  )

/** What four clients say of the same server, one line each. */
export const program = Effect.gen(function*() {
  const root = yield* Effect.promise(() => makeAuthority())
  const issued = yield* Effect.promise(() => root.issue({ names: ["localhost"] }))
  const spare = yield* Effect.promise(() => root.issue({ names: ["localhost"] }))
  const { port } = yield* serving(issued)
  const url = `https://localhost:${port}/`
  return {
    "by default": yield* visit(url, ServerTrust.default),
    "ours": yield* visit(url, ours(root.cert, issued.pin, spare.pin, "localhost")),
    "ours, with the key of somebody else": yield* visit(url, ours(root.cert, spare.pin, spare.pin, "localhost")),
    "a host that is not ours": yield* visit(url, ours(root.cert, issued.pin, spare.pin, "api.example.com"))
  }
}).pipe(Effect.scoped)

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await Effect.runPromise(
    Effect.flatMap(
      program,
      (outcomes) =>
        Effect.forEach(Object.entries(outcomes), ([client, said]) => Console.log(`${client}: ${said}`), {
          discard: true
        })
    )
  )
}
