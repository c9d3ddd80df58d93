// `npm run clean`: removes what was built and what the tools remember; the dependencies and the unpacked browser stay.
import { readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { cache, root } from "./setup.mjs"

const built = [
  join(root, "examples", "dist"),
  ...readdirSync(join(root, "packages")).map((name) => join(root, "packages", name, "dist")),
  ...["eslint", "tsc", "vitest.json", "vite-chromium"].map((name) => join(cache, name))
]
for (const path of built) rmSync(path, { recursive: true, force: true })
