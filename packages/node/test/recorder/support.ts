/** A folder for one test. */
import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "urlsession-recorder-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)
