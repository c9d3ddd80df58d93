// How catchReason narrows: the handler gets exactly the fields of its reason.
import type { ServerTrust } from "@urlsession/core/ServerTrust"
import * as SessionError from "@urlsession/core/SessionError"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "tstyche"

declare const exchange: Effect.Effect<number, SessionError.ExchangeError>

describe("catchReason", () => {
  it("narrows to the one reason, and keeps A, E and R", () => {
    const caught = exchange.pipe(
      SessionError.catchReason("TlsError", "ServerCertificateHasBadDate", (reason) => {
        expect(reason.notAfter).type.toBe<Date>()
        expect(reason.trust).type.toBe<ServerTrust>()
        expect(reason.also).type.toBe<ReadonlyArray<SessionError.CertificateFault>>()
        expect(reason).type.not.toHaveProperty("why")
        return Effect.succeed("renew" as const)
      })
    )
    expect(caught).type.toBe<Effect.Effect<number | "renew", SessionError.ExchangeError>>()
  })

  it("adds the handler's failure", () => {
    expect(exchange.pipe(
      SessionError.catchReason("AuthenticationError", "TooManyRounds", (reason) => Effect.fail(reason.limit))
    )).type.toBe<Effect.Effect<number, SessionError.ExchangeError | number>>()
  })

  it("takes the tags of the error only, and the reasons of that tag only", () => {
    const handler = () => Effect.void
    expect(exchange.pipe(SessionError.catchReason("TlsErorr", "SecureConnectionFailed", handler))).type.toRaiseError()
    expect(exchange.pipe(SessionError.catchReason("TlsError", "TooManyRounds", handler))).type.toRaiseError()
    expect(exchange.pipe(SessionError.catchReason("FileError", "CannotOpenFile", handler))).type.toRaiseError()
  })
})

describe("the unions", () => {
  it("an exchange cannot fail with FileError, a download can", () => {
    expect<SessionError.FileError>().type.not.toBeAssignableTo<SessionError.ExchangeError>()
    expect<SessionError.FileError>().type.toBeAssignableTo<SessionError.DownloadError>()
    expect<SessionError.SessionError>().type.toBe<SessionError.DownloadError>()
  })

  it("catchTag narrows to the family", () => {
    const caught = exchange.pipe(Effect.catchTag("TimeoutError", (error) => {
      expect(error.reason.timer).type.toBe<"idle" | "resource" | "connect">()
      expect(error.code).type.toBe<number | undefined>()
      return Effect.succeed(0)
    }))
    expect(caught).type.toBe<Effect.Effect<number, Exclude<SessionError.ExchangeError, SessionError.TimeoutError>>>()
  })
})
