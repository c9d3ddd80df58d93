// The program of the design's first page: what a browser cannot do is said by the compiler.
import * as FetchTransport from "@urlsession/browser/FetchTransport"
import type { CookieControl, RedirectControl, ServerTrustControl } from "@urlsession/core/Capability"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as CookieStorage from "@urlsession/core/CookieStorage"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as RedirectHandler from "@urlsession/core/RedirectHandler"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import type { ExchangeError } from "@urlsession/core/SessionError"
import type { SessionResponse } from "@urlsession/core/SessionResponse"
import type { Transport } from "@urlsession/core/Transport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import { describe, expect, it } from "tstyche"

class Vault extends Context.Tag("Vault")<
  Vault,
  { readonly password: (realm: string | undefined) => Effect.Effect<Redacted.Redacted> }
>() {}
declare const VaultLive: Layer.Layer<Vault>

const Basic = ChallengeResolver.forSpace(
  { origin: "https://api.example.com" },
  ({ previousFailureCount, space }) =>
    previousFailureCount > 0
      ? Effect.succeed(Disposition.cancel)
      : Effect.map(
        Effect.flatMap(Vault, (vault) => vault.password(space.realm)),
        (password) => Disposition.use(Credential.password({ user: "ada", password, persistence: "session" }))
      )
)

const Delegate = ChallengeResolver.layer({
  Basic,
  ServerTrust: ServerTrust.pinned({ "api.example.com": ["sha256/AAAA"] })
})
const SessionLive = UrlSession.layer(SessionConfiguration.default, Delegate).pipe(Layer.provide(VaultLive))

describe("a session in a browser", () => {
  it("with a pin still needs what only another platform has", () => {
    expect(SessionLive).type.toBe<Layer.Layer<UrlSession.UrlSession, never, Transport | ServerTrustControl>>()
    expect(SessionLive.pipe(Layer.provide(FetchTransport.layer))).type.toBe<
      Layer.Layer<UrlSession.UrlSession, never, ServerTrustControl>
    >()
  })

  it("with a pin does not compile at the edge, and the message names the capability", () => {
    const edge = (live: Layer.Layer<UrlSession.UrlSession>) => live
    // the first message of each pair is the language service's, which an editor shows besides
    expect(edge(SessionLive.pipe(Layer.provide(FetchTransport.layer)))).type.toRaiseError(
      "Missing 'ServerTrustControl' in the expected Layer context",
      "Type 'ServerTrustControl' is not assignable to type 'never'"
    )
    const program = Effect.flatMap(UrlSession.UrlSession, (session) => session.data("https://api.example.com/me"))
    const provided = Effect.provide(program, SessionLive.pipe(Layer.provide(FetchTransport.layer)))
    expect(Effect.runPromise(provided)).type.toRaiseError(
      "missing from the expected Effect context: `ServerTrustControl`",
      "Type 'ServerTrustControl' is not assignable to type 'never'"
    )
  })

  it("without one does", () => {
    const live = UrlSession.layer(SessionConfiguration.default, ChallengeResolver.layer({ Basic })).pipe(
      Layer.provide(VaultLive),
      Layer.provide(FetchTransport.layer)
    )
    expect(live).type.toBe<Layer.Layer<UrlSession.UrlSession>>()
  })

  it("a task's pin asks the program for the capability", () => {
    const pinned = ChallengeResolver.make({ ServerTrust: ServerTrust.pinned({ "api.example.com": ["sha256/AAAA"] }) })
    const program = Effect.flatMap(UrlSession.UrlSession, (session) => session.data("https://api.example.com/me")).pipe(
      ChallengeResolver.provideTask(pinned)
    )
    expect(program).type.toBe<
      Effect.Effect<readonly [Uint8Array, SessionResponse], ExchangeError, UrlSession.UrlSession | ServerTrustControl>
    >()
  })

  it("with a decider on redirects does not compile at the edge: the browser follows them by itself", () => {
    const deciding = UrlSession.layer(SessionConfiguration.default, RedirectHandler.sameOrigin)
    const live = deciding.pipe(Layer.provide(FetchTransport.layer))
    expect(live).type.toBe<Layer.Layer<UrlSession.UrlSession, never, RedirectControl>>()
    const edge = (layer: Layer.Layer<UrlSession.UrlSession>) => layer
    expect(edge(live)).type.toRaiseError(
      "Missing 'RedirectControl' in the expected Layer context",
      "Type 'RedirectControl' is not assignable to type 'never'"
    )
  })

  it("a task's decider on redirects asks the program for the capability", () => {
    expect(RedirectHandler.make(() => Effect.succeed(RedirectHandler.stop))).type.toBe<
      Effect.Effect<RedirectHandler.RedirectHandlerService, never, RedirectControl>
    >()
  })

  it("with a storage of cookies does not compile at the edge: the browser keeps them to itself", () => {
    const keeping = UrlSession.layer(SessionConfiguration.default, CookieStorage.layerMemory)
    const live = keeping.pipe(Layer.provide(FetchTransport.layer))
    expect(live).type.toBe<Layer.Layer<UrlSession.UrlSession, never, CookieControl>>()
    const edge = (layer: Layer.Layer<UrlSession.UrlSession>) => layer
    expect(edge(live)).type.toRaiseError(
      "Missing 'CookieControl' in the expected Layer context",
      "Type 'CookieControl' is not assignable to type 'never'"
    )
  })

  it("the transport gives no capability", () => {
    expect(FetchTransport.layer).type.toBe<Layer.Layer<Transport>>()
  })
})
