/** A program that needs another token than `old-token`, and says which one it got; how, a file shared with others knows. */
import * as Credential from "@urlsession/core/Credential"
import * as TokenProvider from "@urlsession/core/TokenProvider"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as NodeSession from "@urlsession/node/NodeSession"
import * as NodeTokens from "@urlsession/node/NodeTokens"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

const [, , path = "", url = ""] = process.argv

const program = Effect.gen(function*() {
  const session = yield* UrlSession.UrlSession
  const old = Credential.token({ token: "old-token" })
  const provider = yield* TokenProvider.make({
    initial: old,
    refresh: NodeTokens.shared({
      path,
      refresh: () =>
        Effect.map(session.data(url), ([bytes]) => Credential.token({ token: new TextDecoder().decode(bytes) }))
    })
  })
  const token = yield* provider.renew(old)
  process.stdout.write(Redacted.value(token.token))
})

await Effect.runPromise(Effect.provide(program, NodeSession.layer()))
