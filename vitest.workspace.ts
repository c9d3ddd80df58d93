// The test projects: core and node under Node, browser in a real Chromium, scripts for the tools of this repository.
// interop, against servers of the system, is there only when `npm run test:interop` says which of them it found.
import { playwright } from "./scripts/chromium.mjs"

// Tests run on the sources: the packages' exports carry this condition in front of the built files.
const sourceCondition = "@urlsession/source"
const serverConditions = [sourceCondition, "module", "node", "development|production"]
const clientConditions = [sourceCondition, "module", "browser", "development|production"]

// fails a test in which a secret gets into anything that a program may print
const watch = new URL("packages/core/test/watch/secrets.ts", import.meta.url).pathname

const onNode = (name: string, root: string, include = "test/**/*.test.ts") => ({
  root,
  resolve: { conditions: serverConditions },
  ssr: { resolve: { conditions: serverConditions, externalConditions: ["node", "module-sync"] } },
  test: {
    name,
    include: [include],
    setupFiles: name === "scripts" ? [] : [watch],
    environment: "node",
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks" as const,
    // within a process; each file has one of its own, unless vitest.config.ts says otherwise
    isolate: false
  }
})

export default [
  onNode("core", "packages/core"),
  onNode("node", "packages/node"),
  onNode("scripts", "scripts", "test/**/*.test.mjs"),
  ...(process.env.URLSESSION_INTEROP === undefined ? [] : [onNode("interop", "packages/node", "interop/**/*.test.ts")]),
  {
    root: "packages/browser",
    // Several browser projects would share a root, hence a cache of its own.
    cacheDir: "../../node_modules/.cache/urlsession/vite-chromium",
    resolve: { conditions: clientConditions },
    // Named beforehand, since a dependency found in mid-run makes vite reload the page.
    optimizeDeps: { include: ["@effect/vitest", "effect", "effect/*", "@effect/platform/*"] },
    test: {
      name: "browser",
      include: ["test/**/*.test.ts"],
      globalSetup: ["../../scripts/chromium-setup.mjs", "../node/test/conformance/globalSetup.ts"],
      testTimeout: 30_000,
      browser: {
        enabled: true,
        provider: "playwright",
        headless: true,
        screenshotFailures: false,
        instances: [{ browser: "chromium" as const, launch: playwright.launch }]
      }
    }
  }
]
