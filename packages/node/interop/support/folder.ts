/** Temporary folders with the files of a server in them. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

/** A file by its path below the folder; a program may be run. */
export interface File {
  readonly path: string
  readonly content: string | Uint8Array
  readonly mode?: number
}

/** A folder that is gone when the scope is closed. Servers that give up their rights may read it. */
export const folder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(async () => {
    const path = await mkdtemp(join(tmpdir(), "urlsession-interop-"))
    await chmod(path, 0o755)
    return path
  }),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

/** Writes files below a folder. */
export const write = (path: string, files: ReadonlyArray<File>): Effect.Effect<void> =>
  Effect.promise(async () => {
    for (const file of files) {
      const target = join(path, file.path)
      await mkdir(dirname(target), { recursive: true })
      await writeFile(target, file.content)
      await chmod(target, file.mode ?? 0o644)
    }
  })

/** Makes folders that anybody may write to: servers put uploads there. */
export const openFolders = (path: string, names: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.promise(async () => {
    for (const name of names) {
      await mkdir(join(path, name), { recursive: true })
      await chmod(join(path, name), 0o777)
    }
  })
