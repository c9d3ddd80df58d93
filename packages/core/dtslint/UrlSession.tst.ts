// E and R of everything that makes or uses a session.
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type {
  ClientIdentity,
  ConnectionBinding,
  CookieControl,
  RedirectControl,
  ServerTrustControl
} from "@urlsession/core/Capability"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Disposition from "@urlsession/core/Disposition"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import type { DownloadError, ExchangeError, InvalidRequest, SessionInvalidated } from "@urlsession/core/SessionError"
import * as SessionEvent from "@urlsession/core/SessionEvent"
import * as SessionHttpClient from "@urlsession/core/SessionHttpClient"
import type { SessionResponse } from "@urlsession/core/SessionResponse"
import type { DataTask, SessionTask } from "@urlsession/core/SessionTask"
import * as TestTransport from "@urlsession/core/TestTransport"
import type { Transport } from "@urlsession/core/Transport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { describe, expect, it } from "tstyche"

class Vault extends Context.Tag("Vault")<Vault, string>() {}

declare const session: UrlSession.Service
const request = HttpClientRequest.get("https://api.example.com/me")
const vaulted = ChallengeResolver.layer({ Digest: () => Effect.as(Vault, Disposition.next) })
const pinned = ChallengeResolver.layer({ ServerTrust: ServerTrust.pinned({ "api.example.com": ["sha256/x"] }) })

describe("constructors", () => {
  it("make needs a transport and a scope, and cannot fail", () => {
    expect(UrlSession.make()).type.toBe<Effect.Effect<UrlSession.Service, never, Scope.Scope | Transport>>()
  })

  it("layer needs a transport, and what the delegate needs", () => {
    expect(UrlSession.layer()).type.toBe<Layer.Layer<UrlSession.UrlSession, never, Transport>>()
    expect(UrlSession.layer(undefined, vaulted)).type.toBe<
      Layer.Layer<UrlSession.UrlSession, never, Transport | Vault>
    >()
    expect(UrlSession.layer(undefined, pinned)).type.toBe<
      Layer.Layer<UrlSession.UrlSession, never, Transport | ServerTrustControl>
    >()
    const both = Layer.merge(vaulted, SessionEvent.layer({ Invalidated: () => Effect.void }))
    expect(UrlSession.layer(undefined, both)).type.toBe<Layer.Layer<UrlSession.UrlSession, never, Transport | Vault>>()
  })

  it("layer fails as its delegate does", () => {
    const failing = Layer.fail("no key" as const)
    expect(UrlSession.layer(undefined, failing)).type.toBe<Layer.Layer<UrlSession.UrlSession, "no key", Transport>>()
  })

  it("layerConfig fails with ConfigError besides", () => {
    expect(UrlSession.layerConfig({ redirectLimit: Config.integer("LIMIT") })).type.toBe<
      Layer.Layer<UrlSession.UrlSession, ConfigError.ConfigError, Transport>
    >()
    expect(UrlSession.layerConfig(Config.succeed({}), vaulted)).type.toBe<
      Layer.Layer<UrlSession.UrlSession, ConfigError.ConfigError, Transport | Vault>
    >()
  })

  it("TestTransport.layer needs nothing and gives the capabilities that slots ask for", () => {
    expect(TestTransport.layer({ answer: () => TestTransport.respond(200) })).type.toBe<
      Layer.Layer<
        | Transport
        | TestTransport.TestTransport
        | ServerTrustControl
        | ClientIdentity
        | ConnectionBinding
        | RedirectControl
        | CookieControl
      >
    >()
  })

  it("SessionHttpClient.layer needs a session", () => {
    expect(SessionHttpClient.layer).type.toBe<Layer.Layer<HttpClient.HttpClient, never, UrlSession.UrlSession>>()
  })
})

describe("a session", () => {
  it("execute and data need no Scope", () => {
    expect(session.execute(request)).type.toBe<Effect.Effect<SessionResponse, ExchangeError>>()
    expect(session.data("https://api.example.com/")).type.toBe<
      Effect.Effect<readonly [Uint8Array, SessionResponse], ExchangeError>
    >()
    expect(session.data(new URL("https://api.example.com/"))).type.toBe<
      Effect.Effect<readonly [Uint8Array, SessionResponse], ExchangeError>
    >()
  })

  it("dataTask needs a Scope, and fails only for what is wrong before anything is sent", () => {
    expect(session.dataTask(request)).type.toBe<
      Effect.Effect<DataTask, InvalidRequest | SessionInvalidated, Scope.Scope>
    >()
  })

  it("download needs a FileSystem", () => {
    expect(session.download(request, "me.json")).type.toBe<
      Effect.Effect<SessionResponse, DownloadError, FileSystem.FileSystem>
    >()
  })

  it("ends, and is watched, without failing", () => {
    expect(session.invalidateAndCancel).type.toBe<Effect.Effect<void>>()
    expect(session.finishTasksAndInvalidate).type.toBe<Effect.Effect<void>>()
    expect(session.reset).type.toBe<Effect.Effect<void>>()
    expect(session.flush).type.toBe<Effect.Effect<void>>()
    expect(session.allTasks).type.toBe<Effect.Effect<ReadonlyArray<SessionTask>>>()
    expect(session.subscribe).type.toBe<
      Effect.Effect<Stream.Stream<SessionEvent.SessionEvent>, never, Scope.Scope>
    >()
  })

  it("takes nothing else for a request", () => {
    expect(session.data).type.not.toBeCallableWith({ url: "https://api.example.com/" })
    expect(session.download).type.not.toBeCallableWith(request)
  })
})

describe("SessionEvent.layer", () => {
  it("needs what its handlers need, each handler with its own event", () => {
    const layer = SessionEvent.layer({
      TaskCompleted: (event) => {
        expect(event).type.toBe<SessionEvent.TaskCompleted>()
        return Vault
      },
      DataReceived: (event) => Effect.log(event.totalBytesReceived)
    })
    expect(layer).type.toBe<Layer.Layer<SessionEvent.SessionEvents, never, Vault>>()
    expect(SessionEvent.layer({ Invalidated: () => Effect.fail("whatever") })).type.toBe<
      Layer.Layer<SessionEvent.SessionEvents>
    >()
  })

  it("refuses what is no event", () => {
    expect(SessionEvent.layer({ TaskComplete: () => Effect.void })).type.toRaiseError(
      "Did you mean to write 'TaskCompleted'?"
    )
    expect(SessionEvent.layer({ Closed: () => Effect.void, Invalidated: () => Effect.void })).type.toRaiseError(
      "'Closed' is not an event"
    )
  })
})
