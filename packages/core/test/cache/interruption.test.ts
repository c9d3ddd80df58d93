/** Interrupted at any step of a hit, of keeping, of asking: nothing stays open, and what is kept afterwards is right. */
import { assert, describe, it } from "@effect/vitest"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlCache from "@urlsession/core/UrlCache"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import { nothingOpen } from "../session/support.ts"
import { sweep } from "../session/sweep.ts"
import { validating } from "./support.ts"

const using = async (
  control: string,
  body: (session: UrlSession.Service, cache: UrlCache.UrlCacheService) => Promise<void>
): Promise<void> => {
  const runtime = ManagedRuntime.make(
    UrlSession.layer().pipe(
      Layer.provideMerge(UrlCache.layerMemory()),
      Layer.provideMerge(TestTransport.layer({ answer: validating("\"v1\"", { "cache-control": control }) }))
    )
  )
  try {
    await body(await runtime.runPromise(UrlSession.UrlSession), await runtime.runPromise(UrlCache.UrlCache))
  } finally {
    await runtime.dispose()
  }
}

const url = "https://cache.test/thing"

describe("an interruption", () => {
  for (
    const [name, control, keepBefore] of [
      ["of keeping", "max-age=600", false],
      ["of a hit", "max-age=600", true],
      ["of asking", "no-cache", true],
      ["of a hit that is refreshed", "max-age=0, stale-while-revalidate=600", true]
    ] as const
  ) {
    for (const unit of ["Step", "Tick"] as const) {
      it(`${name} at any ${unit.toLowerCase()} leaves nothing open, and no half of a body`, () =>
        using(control, async (session, cache) => {
          if (keepBefore) await Effect.runPromise(session.data(url))
          await sweep(session.data(url), unit, async (where, hung) => {
            assert.isFalse(hung, JSON.stringify(where))
            const open = await Effect.runPromise(session.openResources)
            if (!name.endsWith("refreshed")) {
              assert.deepStrictEqual({ ...open }, { ...nothingOpen }, JSON.stringify(where))
            }
            const kept = await Effect.runPromise(cache.get(url))
            if (Option.isSome(kept)) {
              assert.match(new TextDecoder().decode(kept.value.data), /^body \d+$/, JSON.stringify(where))
            }
            if (!keepBefore) await Effect.runPromise(cache.removeAll)
          })
        }))
    }
  }
})
