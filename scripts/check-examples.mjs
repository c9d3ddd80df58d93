// Compiles every TypeScript example of the README, of docs and of the public docstrings, and runs those marked `run`.
import { execFileSync, spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const work = join(root, "node_modules/.cache/urlsession/examples")

const below = (folder, ending) =>
  readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter((path) => !path.includes("node_modules") && !path.includes("/internal/"))

const blocks = (path) => {
  const source = readFileSync(path, "utf8")
  const text = path.endsWith(".ts") ? source.replace(/^[ \t]*\* ?/gm, "") : source
  return [...text.matchAll(/```ts( run)?\n([\s\S]*?)```/g)].map(([, run, code], index) => ({
    from: relative(root, path),
    name: `${relative(root, path).replace(/[^A-Za-z0-9]+/g, "-")}-${index + 1}`,
    code,
    run: run !== undefined
  }))
}

const sources = ["packages/core/src", "packages/node/src", "packages/browser/src"].flatMap((folder) =>
  below(folder, ".ts")
)
const found = [join(root, "README.md"), ...below("docs", ".md"), ...sources].flatMap(blocks)

rmSync(work, { recursive: true, force: true })
mkdirSync(work, { recursive: true })
for (const { code, name } of found) writeFileSync(join(work, `${name}.ts`), `${code}\nexport {}\n`)
writeFileSync(join(work, "package.json"), JSON.stringify({ type: "module" }))
writeFileSync(
  join(work, "tsconfig.json"),
  JSON.stringify({
    extends: relative(work, join(root, "tsconfig.base.json")),
    compilerOptions: {
      composite: false,
      customConditions: [],
      declarationMap: false,
      lib: ["ES2022", "DOM", "DOM.Iterable"],
      types: ["node"],
      typeRoots: [join(root, "node_modules/@types")],
      outDir: "out",
      rootDir: ".",
      plugins: []
    },
    include: ["*.ts"]
  })
)
try {
  execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", work], { stdio: "pipe" })
} catch (error) {
  console.error(String(error.stdout))
  process.exit(1)
}
for (const { from, name } of found.filter((one) => one.run)) {
  const ran = spawnSync(process.execPath, [join(work, "out", `${name}.js`)], { encoding: "utf8", timeout: 60_000 })
  const code = found.find((one) => one.name === name)?.code ?? ""
  const expected = /console\.log\(.*\) \/\/ (.*)$/m.exec(code)?.[1]
  if (ran.status !== 0 || (expected !== undefined && ran.stdout.trim() !== expected)) {
    console.error(`${from}: printed ${JSON.stringify(ran.stdout)}, not ${JSON.stringify(expected)}\n${ran.stderr}`)
    process.exit(1)
  }
}
console.log(`${found.length} examples compile, ${found.filter((one) => one.run).length} ran and printed what they say`)
