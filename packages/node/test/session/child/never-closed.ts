/** A program that makes a session, uses it, and never closes it: it must end by itself all the same. */
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as NodeSession from "@urlsession/node/NodeSession"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"

// what nobody reads is closed after this time, and holds the process until then
const configuration = SessionConfiguration.make({ timeoutIntervalForRequest: "1 second" })

const url = process.argv[2] ?? ""

const program = Effect.gen(function*() {
  const scope = yield* Scope.make()
  const services = yield* Layer.buildWithScope(NodeSession.layer(configuration), scope)
  const session = Context.get(services, UrlSession.UrlSession)
  const [bytes] = yield* session.data(url)
  yield* session.execute(`${url}large`)
  console.log(new TextDecoder().decode(bytes))
})

void Effect.runPromise(program)
