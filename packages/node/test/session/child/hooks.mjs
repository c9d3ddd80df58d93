// The loader of register.mjs: types are taken out by the esbuild that vitest brings with it.
import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"

// it is a dependency of a dependency, so the way to it goes through both
const fromHere = createRequire(import.meta.url)
const fromVitest = createRequire(fromHere.resolve("vitest/package.json"))
const { transform } = createRequire(fromVitest.resolve("vite"))("esbuild")

export const load = async (url, context, next) => {
  if (!url.endsWith(".ts")) return next(url, context)
  const { code } = await transform(await readFile(fileURLToPath(url), "utf8"), {
    loader: "ts",
    format: "esm",
    target: "es2022",
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } }
  })
  return { format: "module", shortCircuit: true, source: code }
}
