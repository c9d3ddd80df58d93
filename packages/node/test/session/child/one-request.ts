/** A program that makes one request with the default trust, and says what came of it. */
import * as UrlSession from "@urlsession/core/UrlSession"
import * as NodeSession from "@urlsession/node/NodeSession"
import * as Effect from "effect/Effect"

const url = process.argv[2] ?? ""

const program = Effect.flatMap(UrlSession.UrlSession, (session) => session.data(url)).pipe(
  Effect.match({
    onFailure: (error) => console.log(error.reason._tag),
    onSuccess: ([bytes]) => console.log(new TextDecoder().decode(bytes))
  }),
  Effect.provide(NodeSession.layer())
)

void Effect.runPromise(program)
