// The fetch transport in a real browser, over HTTP/1.1 and, streaming what it sends, over HTTP/2.
import { inject } from "@effect/vitest"
import * as FetchTransport from "@urlsession/browser/FetchTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Origin, textOf } from "../../core/test/conformance/harness.ts"
import { conformance } from "../../core/test/conformance/suite.ts"

const provided = inject("conformance")

const originAt = (url: string, other: string): Layer.Layer<Origin> =>
  Layer.scoped(
    Origin,
    Effect.gen(function*() {
      const session = yield* UrlSession.make().pipe(Effect.provide(FetchTransport.layer))
      // on the other origin: a browser lets a page have six connections to one
      const until = (stage: string) => (token: string) =>
        Effect.orDie(Effect.asVoid(session.data(`${other}/${stage}/${token}`)))
      const completed = (token: string) =>
        Effect.orDie(Effect.map(session.data(`${other}/completed/${token}`), ([bytes]) => textOf(bytes) === "true"))
      return {
        url,
        other,
        refused: provided.refused,
        begun: until("begun"),
        received: until("received"),
        completed,
        closed: until("closed")
      }
    })
  )

conformance({
  subject: "chromium",
  layer: Layer.merge(originAt(provided.http, provided.http.replace("127.0.0.1", "localhost")), FetchTransport.layer)
})

conformance({
  subject: "chromium over HTTP/2",
  layer: Layer.merge(
    originAt(provided.https, provided.https.replace("localhost", "127.0.0.1")),
    FetchTransport.layerWith({ uploads: "streamed" })
  )
})
