/** `npm start`: the urlsession command, which without a URL downloads from an origin of its own. */
import type { Demo } from "#bin/command"
import { launch } from "#bin/launch"
import { UsageError } from "#bin/options"
import { Screen } from "#bin/screen"
import { bytes } from "#bin/units"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import { download } from "./download.ts"
import * as OriginProcess from "./support/originProcess.ts"

const usage = (error: { readonly message: string }) => new UsageError({ message: error.message })

const demo: Demo = {
  description: "Without it: a demonstration against a server of its own on loopback.",
  run: (output) =>
    Effect.gen(function*() {
      const screen = yield* Screen
      const fs = yield* FileSystem.FileSystem
      const target = yield* Effect.mapError(OriginProcess.make, usage)
      const folder = yield* Effect.mapError(fs.makeTempDirectoryScoped({ prefix: "urlsession-" }), usage)
      yield* screen.say(
        `${target.origin}: ${bytes(target.bytes)} behind a redirect and a Digest challenge, key ${target.pin}`
      )
      yield* download(target, output ?? `${folder}/vault.bin`)
    }).pipe(Effect.scoped)
}

launch(demo)
