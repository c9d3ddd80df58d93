// One way to use an `HttpClient.HttpClient`, for every Layer that gives one: so that ours and the peers do the same.
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import { check, driveEffects } from "./drive.mjs"

/**
 * @param {import("effect/Layer").Layer<HttpClient.HttpClient>} layer
 * @param {import("../origin.mjs").Target} target
 * @param {{ scoped?: boolean }} [options] `scoped`: every call has a Scope of its own in its context
 * @returns {Promise<import("./drive.mjs").OpenClient>}
 */
export const openHttpClient = async (layer, target, { scoped = false } = {}) => {
  const runtime = ManagedRuntime.make(layer)
  const client = await runtime.runPromise(HttpClient.HttpClient)
  const url = `${target.origin}/small`
  const once = () => Effect.flatMap(client.get(url), (response) => response.arrayBuffer)
  const verify = (/** @type {ArrayBuffer} */ bytes) => check(200, bytes.byteLength)
  const run = (/** @type {Effect.Effect<void, unknown>} */ effect) => runtime.runPromise(effect)
  return {
    get: driveEffects(run, scoped ? () => Effect.scoped(once()) : once, verify),
    download: (path) =>
      runtime.runPromise(
        Effect.flatMap(client.get(`${target.origin}${path}`), (response) => {
          let length = 0
          return Effect.as(
            Stream.runForEachChunk(response.stream, (chunks) =>
              Effect.sync(() => {
                for (const chunk of chunks) {
                  length += chunk.length
                }
              })),
            () => length
          )
        })
      ).then((length) => length()),
    close: () => runtime.dispose()
  }
}
