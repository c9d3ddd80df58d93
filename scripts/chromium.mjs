// The Chromium of the browser tests: comes inside an npm package, is unpacked once below node_modules/.cache.
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { createRequire } from "node:module"
import { dirname, join, resolve, sep } from "node:path"
import { pipeline } from "node:stream/promises"
import { fileURLToPath } from "node:url"
import { brotliDecompressSync, createBrotliDecompress } from "node:zlib"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const packageName = "@sparticuz/chromium"

const version = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).devDependencies[packageName]
const home = join(root, "node_modules", ".cache", "urlsession", `chromium-${version}`)
const libraries = join(home, "lib")

// --no-sandbox because CI runs as root; the rest keep the browser from talking to anyone but the tests.
const flags = [
  "--no-sandbox",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-gpu",
  "--no-first-run",
  // the origin over TLS signs its own certificate
  "--ignore-certificate-errors"
]

/** What vitest hands to playwright: the browser of {@link unpack}, and where its libraries are. */
export const playwright = {
  launch: {
    executablePath: join(home, "chromium"),
    args: flags,
    env: {
      ...process.env,
      LD_LIBRARY_PATH: [libraries, process.env.LD_LIBRARY_PATH].filter(Boolean).join(":"),
      FONTCONFIG_PATH: home,
      HOME: home
    }
  }
}

/**
 * Unpacks the browser unless it is there already, into a directory of a name of its own that is renamed at the end, so
 * that an interrupted run leaves nothing half done.
 */
export const unpack = async () => {
  if (existsSync(home)) return
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(
      `The browser tests bring a Chromium for linux x64 only, this is ${process.platform} ${process.arch}.`
    )
  }
  // The entry point is build/{cjs,esm}/index.js, and the package does not export its own package.json.
  const entry = createRequire(import.meta.url).resolve(packageName)
  const bin = join(entry.slice(0, entry.lastIndexOf(join("@sparticuz", "chromium"))), "@sparticuz", "chromium", "bin")
  const partial = `${home}.${process.pid}`
  mkdirSync(partial, { recursive: true })
  try {
    await pipeline(
      createReadStream(join(bin, "chromium.br")),
      createBrotliDecompress(),
      createWriteStream(join(partial, "chromium"), { mode: 0o755 })
    )
    extract(brotliDecompressSync(readFileSync(join(bin, "al2023.tar.br"))), partial)
    extract(brotliDecompressSync(readFileSync(join(bin, "fonts.tar.br"))), partial)
    renameSync(partial, home)
  } catch (error) {
    rmSync(partial, { recursive: true, force: true })
    if (!existsSync(home)) throw error
  }
}

/** The regular files of a tar archive; a bare machine need not have a `tar` command. */
const extract = (archive, target) => {
  const text = (from, length) => archive.subarray(from, from + length).toString("latin1").replace(/\0.*$/s, "")
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0;) {
    const name = text(at, 100)
    const prefix = text(at + 257, 5) === "ustar" ? text(at + 345, 155) : ""
    const size = Number.parseInt(text(at + 124, 12).trim() || "0", 8)
    const type = text(at + 156, 1)
    if (type === "0" || type === "") {
      const path = resolve(target, prefix, name)
      if (!path.startsWith(target + sep)) throw new Error(`An archive entry leaves its directory: ${name}`)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, archive.subarray(at + 512, at + 512 + size), { mode: 0o755 })
    }
    at += 512 + Math.ceil(size / 512) * 512
  }
}
