// What a package looks like to those who install it: publint on its manifest, attw on the types of its tarball.
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { tool } from "./setup.mjs"

export const checkPackage = async (name, options) => {
  const path = join("packages", name)
  const publint = await tool("publint/src/cli.js", ["run", path, "--strict"], options)
  if (publint.code !== 0) return publint
  return tool(
    "@arethetypeswrong/cli/dist/index.js",
    ["--pack", path, "--profile", "esm-only", "--no-emoji", "--no-color"],
    options
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const name of ["core", "node", "browser"]) {
    const { code, output } = await checkPackage(name)
    process.stdout.write(output)
    if (code !== 0) process.exitCode = code
  }
}
