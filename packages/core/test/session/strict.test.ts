import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as TransportSecurity from "@urlsession/core/TransportSecurity"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { ok, requests } from "./support.ts"

const url = "https://a.test/"

const weak: ServerTrust.Certificate = {
  der: new Uint8Array(),
  subject: "CN=a.test",
  issuer: "CN=root",
  serialNumber: "1",
  notBefore: new Date(0),
  notAfter: new Date(1e13),
  names: { dns: ["a.test"], ip: [] },
  spkiSha256: ""
}

/** A server that negotiates so. */
const server = (changes: Partial<ServerTrust.ServerTrust>) =>
  Effect.provide(TestTransport.layer({
    answer: () => ok(),
    trust: (host, port) => ({ ...TestTransport.presented(host, port), ...changes })
  }))

const old = { protocol: "TLSv1.2", cipher: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" }
const noSecrecy = { protocol: "TLSv1.2", cipher: "TLS_RSA_WITH_AES_128_GCM_SHA256" }

const session = (layer: Layer.Layer<TransportSecurity.TransportSecurity>) => Effect.provide(UrlSession.make(), layer)

describe("TransportSecurity.strict judges a handshake before a byte of the request is sent (NET-09)", () => {
  for (const changes of [{}, old]) {
    it.scoped(`${changes === old ? "TLS 1.2 with ECDHE" : "TLS 1.3"} is good`, () =>
      Effect.gen(function*() {
        const one = yield* session(TransportSecurity.strict)
        assert.strictEqual((yield* one.data(url))[1].status, 200)
      }).pipe(server(changes)))
  }

  const refused: ReadonlyArray<readonly [what: string, Partial<ServerTrust.ServerTrust>, code: number, text: string]> =
    [
      ["a cipher without forward secrecy", noSecrecy, -1200, "forward secrecy"],
      ["TLS 1.1", { protocol: "TLSv1.1", cipher: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA" }, -1200, "TLSv1.1"],
      ["a certificate that is weak", { chain: [weak] }, -1202, "its certificate"]
    ]
  for (const [what, changes, code, words] of refused) {
    it.scoped(`${what} is not`, () =>
      Effect.gen(function*() {
        const one = yield* session(TransportSecurity.strict)
        const error = yield* Effect.flip(one.data(url))
        assert.strictEqual(error._tag, "TlsError")
        assert.strictEqual(error.code, code)
        assert.include(error.message, words)
        assert.isFalse(error.isTransient)
        assert.deepStrictEqual(yield* requests, [])
        const lax = yield* UrlSession.make()
        assert.strictEqual((yield* lax.data(url))[1].status, 200)
      }).pipe(server(changes)))
  }

  it.scoped("an evaluator that accepts everything does not make it good", () =>
    Effect.gen(function*() {
      const one = yield* session(TransportSecurity.strict).pipe(Effect.provide(
        ChallengeResolver.layer({ ServerTrust: ServerTrust.custom(() => Effect.succeed(ServerTrust.accept)) })
      ))
      assert.strictEqual((yield* Effect.flip(one.data(url))).code, -1200)
    }).pipe(server(noSecrecy)))
})

describe("exceptions (NET-09)", () => {
  it.scoped("hold for their domain, below it where they say so, and the longest name decides", () =>
    Effect.gen(function*() {
      const one = yield* session(TransportSecurity.layer({}, [
        { domain: "A.test.", allowsInsecureHttp: true, includesSubdomains: true },
        { domain: "safe.a.test" },
        { domain: "b.test", requiresForwardSecrecy: false }
      ]))
      const codes: Array<number | undefined> = []
      for (const host of ["a.test", "x.a.test", "safe.a.test", "xa.test", "b.test"]) {
        codes.push(
          yield* Effect.match(one.data(`http://${host}/`), {
            onFailure: (error) => error.code,
            onSuccess: () => 0
          })
        )
      }
      assert.deepStrictEqual(codes, [0, 0, -1022, -1022, -1022])
      assert.strictEqual((yield* one.data("https://b.test/"))[1].status, 200)
      assert.strictEqual((yield* Effect.flip(one.data("https://x.b.test/"))).code, -1200)
    }).pipe(server(noSecrecy)))

  it.scoped("may ask for more", () =>
    Effect.gen(function*() {
      const one = yield* session(TransportSecurity.layer({ minimumTlsVersion: "TLSv1.3" }, [
        { domain: "b.test", minimumTlsVersion: "TLSv1.2" }
      ]))
      assert.strictEqual((yield* Effect.flip(one.data(url))).code, -1200)
      assert.strictEqual((yield* one.data("https://b.test/"))[1].status, 200)
    }).pipe(server(old)))

  it.scoped("may allow weak certificates", () =>
    Effect.gen(function*() {
      const one = yield* session(TransportSecurity.layer({ requiresStrongCertificates: false }))
      assert.strictEqual((yield* one.data(url))[1].status, 200)
    }).pipe(server({ chain: [weak] })))
})
