/** A program that keeps cookies in a file: sets so many under its name, one write each, and ends. */
import * as NodeCookieStorage from "@urlsession/node/NodeCookieStorage"
import * as Effect from "effect/Effect"

const [, , path = "", name = "", count = "0"] = process.argv

const program = Effect.gen(function*() {
  const storage = yield* NodeCookieStorage.makeFile(path)
  for (let i = 0; i < Number(count); i++) {
    yield* storage.setFromResponse("https://www.shop.test/", [`${name}${i}=1; Max-Age=9000`])
    yield* storage.flush
  }
}).pipe(Effect.scoped)

await Effect.runPromise(program)
