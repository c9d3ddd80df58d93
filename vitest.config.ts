// The root of `vitest run`: the projects themselves are listed in vitest.workspace.ts.
import { defineConfig } from "vitest/config"
import workspace from "./vitest.workspace.ts"

export default defineConfig({
  test: { maxWorkers: 2, minWorkers: 2, projects: workspace }
})
