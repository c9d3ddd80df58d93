/** Servers that ask for a client certificate, those who have one, and sessions that answer. */
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as Effect from "effect/Effect"
import * as tls from "node:tls"
import { type Issued, type IssueOptions, makeAuthority } from "../support/pki.ts"
import { type Behaviour, type Peer, presenting, rawServer, response } from "../support/rawServer.ts"
import { authority, leaf } from "./support.ts"

const clients = makeAuthority({ commonName: "Test Clients" })
const strangers = makeAuthority({ commonName: "Test Strangers" })

/** The authority that servers know. */
export const clientAuthority = Effect.promise(() => clients)

const issued = (options: IssueOptions) => clients.then((one) => one.issue({ usage: "client", ...options }))

const people = {
  ada: issued({ commonName: "ada" }),
  zoe: issued({ commonName: "zoe" }),
  stranger: strangers.then((one) => one.issue({ commonName: "stranger", usage: "client" })),
  expired: issued({
    commonName: "expired",
    notBefore: new Date("2020-01-01T00:00:00Z"),
    notAfter: new Date("2020-02-01T00:00:00Z")
  }),
  server: issued({ commonName: "server", usage: "server" })
}

/** A certificate with its key. */
export const person = (name: keyof typeof people): Effect.Effect<Issued> => Effect.promise(() => people[name])

export const identityOf = ({ chain, key }: Issued): Credential.IdentityCredential =>
  Credential.identity({ certificates: chain, key })

export const versions = ["TLSv1.2", "TLSv1.3"] as const

/** Who the server thinks it talks to. */
export const nameOf = (peer: Peer): string => {
  const name = peer.socket instanceof tls.TLSSocket ? peer.socket.getPeerCertificate()?.subject?.CN : undefined
  return typeof name === "string" ? name : "nobody"
}

/** A server that asks, and tells whom it has seen. */
export const asking = (
  options: {
    readonly version: (typeof versions)[number]
    readonly required: boolean
    readonly behaviour?: Behaviour
  }
) =>
  Effect.gen(function*() {
    const { cert } = yield* clientAuthority
    return yield* rawServer({
      onRequest: (peer) => peer.socket.write(response(nameOf(peer))),
      ...options.behaviour,
      tls: presenting(yield* leaf, {
        requestCert: true,
        rejectUnauthorized: options.required,
        ca: [cert],
        minVersion: options.version,
        maxVersion: options.version
      })
    })
  })

/** A delegate that trusts the tests' authority and answers servers that ask. */
export const answering = <R>(answer: ChallengeResolver.IdentityAnswer<R>) =>
  Effect.map(authority, (root) =>
    ChallengeResolver.layer({
      ServerTrust: ServerTrust.additionalRoots([root.cert]),
      ClientCertificate: answer
    }))

/** One that trusts the tests' authority and has nothing to say. */
export const trusting = Effect.map(
  authority,
  (root) => ChallengeResolver.layer({ ServerTrust: ServerTrust.additionalRoots([root.cert]) })
)

export const showing = (credential: Credential.IdentityCredential) =>
  answering(() => Effect.succeed(Disposition.use(credential)))
