// TRU-03: identities that cannot be used, deciders that do not answer, and servers that should not be told who one is.
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import { createPrivateKey } from "node:crypto"
import { until } from "../support/fakeControl.ts"
import { pkcs12 } from "../support/pkcs12.ts"
import { answering, asking, clientAuthority, identityOf, nameOf, person, showing, versions } from "./mutual.ts"
import { authority, failsWith, text, withSession } from "./support.ts"

const passphrase = "a passphrase that nobody may see"

const encrypted = (key: string): string =>
  createPrivateKey(key).export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase }).toString()

const file = (options: Omit<Parameters<typeof pkcs12>[0], "passphrase">) =>
  Effect.promise(() => pkcs12({ ...options, passphrase }))

const visit = (credential: Credential.IdentityCredential) =>
  Effect.gen(function*() {
    const server = yield* asking({ version: "TLSv1.3", required: true })
    return yield* withSession({ delegate: yield* showing(credential) }, (session) =>
      Effect.map(session.data(`${server.origin}/`), ([body]) => text(body)))
  })

describe("TRU-03 identities", () => {
  it.scopedLive("PEM with an encrypted key", () =>
    Effect.gen(function*() {
      const { chain, key } = yield* person("ada")
      assert.strictEqual(
        yield* visit(Credential.identity({ certificates: chain, key: encrypted(key), passphrase })),
        "ada"
      )
    }))

  it.scopedLive("PEM with an intermediate that the server does not know", () =>
    Effect.gen(function*() {
      const root = yield* clientAuthority
      const middle = yield* Effect.promise(() => root.intermediate())
      const one = yield* Effect.promise(() => middle.issue({ commonName: "far", usage: "client" }))
      assert.strictEqual(yield* visit(identityOf(one)), "far")
    }))

  it.scopedLive("PKCS#12", () =>
    Effect.gen(function*() {
      const ada = yield* person("ada")
      const bytes = yield* file({ key: ada, certificates: [ada, yield* clientAuthority] })
      const credential = Credential.identity({ pkcs12: bytes, passphrase: Redacted.make(passphrase) })
      // what was read may be overwritten
      bytes.fill(0)
      assert.strictEqual(yield* visit(credential), "ada")
    }))

  const unusable = {
    "an encrypted key without its passphrase": [
      Effect.map(person("ada"), ({ chain, key }) => Credential.identity({ certificates: chain, key: encrypted(key) })),
      /it is encrypted\. Give its passphrase/
    ],
    "an encrypted key with a wrong passphrase": [
      Effect.map(
        person("ada"),
        ({ chain, key }) =>
          Credential.identity({ certificates: chain, key: encrypted(key), passphrase: "wrong secret" })
      ),
      /passphrase does not open it/
    ],
    "the key of another certificate": [
      Effect.map(
        Effect.all([person("ada"), person("zoe")]),
        ([ada, zoe]) => Credential.identity({ certificates: ada.chain, key: zoe.key })
      ),
      /key is not that of its first certificate/
    ],
    "certificates that are no PEM": [
      Effect.map(person("ada"), ({ key }) => Credential.identity({ certificates: "", key })),
      /certificates are not PEM/
    ],
    "a certificate that is cut short": [
      Effect.map(person("ada"), ({ chain, key }) => Credential.identity({ certificates: chain.slice(0, 200), key })),
      /cannot be read/
    ],
    "a key that is no PEM": [
      Effect.map(person("ada"), ({ chain }) => Credential.identity({ certificates: chain, key: "the key itself" })),
      /key is not PEM/
    ],
    "a certificate in the place of the key": [
      Effect.map(person("ada"), ({ chain }) => Credential.identity({ certificates: chain, key: chain })),
      /key is not PEM/
    ],
    "a PKCS#12 file with a wrong passphrase": [
      Effect.flatMap(
        person("ada"),
        (ada) =>
          Effect.map(
            file({ key: ada, certificates: [ada] }),
            (bytes) => Credential.identity({ pkcs12: bytes, passphrase: "wrong secret" })
          )
      ),
      /passphrase does not open it/
    ],
    "a PKCS#12 file without its passphrase": [
      Effect.flatMap(
        person("ada"),
        (ada) => Effect.map(file({ key: ada, certificates: [ada] }), (bytes) => Credential.identity({ pkcs12: bytes }))
      ),
      /it is encrypted\. Give its passphrase/
    ],
    "a PKCS#12 file without a key": [
      Effect.flatMap(
        person("ada"),
        (ada) =>
          Effect.map(file({ certificates: [ada] }), (bytes) => Credential.identity({ pkcs12: bytes, passphrase }))
      ),
      /has no private key/
    ],
    "a PKCS#12 file without a certificate": [
      Effect.flatMap(
        person("ada"),
        (ada) => Effect.map(file({ key: ada }), (bytes) => Credential.identity({ pkcs12: bytes, passphrase }))
      ),
      /has no certificate/
    ],
    "what is no PKCS#12 file": [
      Effect.succeed(Credential.identity({ pkcs12: new Uint8Array([1, 2, 3]), passphrase })),
      /not a PKCS#12 file/
    ],
    "nothing": [Effect.succeed(Credential.identity({ pkcs12: new Uint8Array(0) })), /not a PKCS#12 file/]
  } as const
  for (const [name, [credential, message]] of Object.entries(unusable)) {
    it.scopedLive(`${name} is CredentialUnusable, says what to do and no secret`, () =>
      Effect.gen(function*() {
        const error = yield* failsWith(visit(yield* credential), "AuthenticationError/CredentialUnusable")
        assert.match(error.message, message)
        assert.match(error.message, /ClientCertificate/)
        assert.notMatch(
          `${error} ${JSON.stringify(error)} ${error.cause}`,
          /wrong secret|the key itself|nobody may see|MIG|MII/
        )
      }))
  }

  it.scopedLive("one that cannot be used counts as a failure, and the next request asks again", () =>
    Effect.gen(function*() {
      const ada = yield* person("ada")
      const server = yield* asking({ version: "TLSv1.2", required: true })
      const delegate = yield* answering(({ previousFailureCount }) =>
        Effect.succeed(Disposition.use(
          previousFailureCount === 0 ? Credential.identity({ certificates: ada.chain, key: "" }) : identityOf(ada)
        ))
      )
      yield* withSession({ delegate }, (session) =>
        Effect.gen(function*() {
          yield* failsWith(session.data(`${server.origin}/`), "AuthenticationError/CredentialUnusable")
          assert.strictEqual(text((yield* session.data(`${server.origin}/`))[0]), "ada")
        }))
    }))
})

for (const version of versions) {
  describe(`TRU-03 who is asked, and when, over ${version}`, () => {
    for (const required of [true, false]) {
      it.scopedLive(`a server that is not trusted is told nothing (${required ? "required" : "optional"})`, () =>
        Effect.gen(function*() {
          const server = yield* asking({ version, required })
          const delegate = ChallengeResolver.layer({
            ClientCertificate: () => Effect.die("asked")
          })
          yield* withSession(
            { delegate },
            (session) => failsWith(session.data(`${server.origin}/`), "TlsError/ServerCertificateHasUnknownRoot")
          )
          assert.strictEqual(server.accepted(), 1)
        }))
    }

    it.scopedLive("the authorities of a PKCS#12 file are trusted for nothing else", () =>
      Effect.gen(function*() {
        const ada = yield* person("ada")
        const root = yield* authority
        const bytes = yield* file({ key: ada, certificates: [ada, root] })
        const server = yield* asking({ version, required: true })
        let trusting = true
        const delegate = ChallengeResolver.layer({
          // the first connection is let in, so that the second one is made with the file
          ServerTrust: ServerTrust.custom(() =>
            Effect.sync(() => {
              if (!trusting) return ServerTrust.performDefault
              trusting = false
              return ServerTrust.accept
            })
          ),
          ClientCertificate: () => Effect.succeed(Disposition.use(Credential.identity({ pkcs12: bytes, passphrase })))
        })
        yield* withSession({ delegate }, (session) =>
          failsWith(session.data(`${server.origin}/`), "TlsError/ServerCertificateHasUnknownRoot"))
      }))

    it.scopedLive("a decider that fails, dies or cancels ends the request, and the next one asks again", () =>
      Effect.gen(function*() {
        const ada = identityOf(yield* person("ada"))
        const server = yield* asking({ version, required: true })
        const answers = [
          Effect.fail("locked"),
          Effect.die(new Error("broken")),
          Effect.interrupt,
          Effect.succeed(Disposition.cancel),
          Effect.succeed(Disposition.use(ada))
        ]
        let asked = 0
        const delegate = yield* answering(() => answers[asked++] ?? Effect.die("asked too often"))
        yield* withSession({ delegate }, (session) =>
          Effect.gen(function*() {
            for (const reason of ["ResolverFailed", "ResolverFailed", "ResolverFailed", "Cancelled"]) {
              const error = yield* failsWith(session.data(`${server.origin}/`), `AuthenticationError/${reason}`)
              if (reason === "Cancelled") assert.strictEqual(error.code, -999)
            }
            assert.strictEqual(text((yield* session.data(`${server.origin}/`))[0]), "ada")
          }))
        assert.isTrue(server.peers.every((peer) => peer.requests === 0 || nameOf(peer) === "ada"))
      }))

    it.scopedLive("one that never answers is interrupted with its request, and with its session", () =>
      Effect.gen(function*() {
        const server = yield* asking({ version, required: true })
        const asked = yield* Deferred.make<void>()
        let interrupted = 0
        const delegate = yield* answering(() =>
          Effect.onInterrupt(
            Effect.zipRight(Deferred.succeed(asked, undefined), Effect.never),
            () => Effect.sync(() => interrupted++)
          )
        )
        yield* withSession({ delegate }, (session) =>
          Effect.gen(function*() {
            const fiber = yield* Effect.fork(session.data(`${server.origin}/`))
            yield* Deferred.await(asked)
            yield* Fiber.interrupt(fiber)
            yield* until(() => interrupted === 1 && server.open() === 0)
            yield* Effect.fork(Effect.ignore(session.data(`${server.origin}/`)))
            yield* until(() => server.accepted() === 2)
          }))
        yield* until(() => server.open() === 0)
      }))

    it.scopedLive("a server that goes while the decider thinks is shown the certificate on another connection", () =>
      Effect.gen(function*() {
        const ada = identityOf(yield* person("ada"))
        const server = yield* asking({
          version,
          required: false,
          behaviour: {
            onConnection: (peer) => peer.index === 0 && nameOf(peer) === "nobody" && peer.socket.destroy(),
            onRequest: (peer) => peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n${nameOf(peer)}`)
          }
        })
        const delegate = yield* answering(() =>
          Effect.as(until(() => server.accepted() === 1 && server.open() === 0), Disposition.use(ada))
        )
        yield* withSession({ delegate }, (session) =>
          Effect.gen(function*() {
            assert.strictEqual(text((yield* session.data(`${server.origin}/`))[0]), "ada")
          }))
      }))
  })
}
