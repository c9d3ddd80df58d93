/** Starts the origin of the conformance suite for the browser tests, and tells them where it is. */
import type { TestProject } from "vitest/node"
import type { Provided } from "../../../core/test/conformance/provided.ts"
import { type RunningOrigin, startOrigin } from "./server.ts"

let running: RunningOrigin | undefined

export const setup = async (project: TestProject): Promise<void> => {
  running = await startOrigin()
  const { http, https, refused } = running
  const provided: Provided = { http, https, refused }
  project.provide("conformance", provided)
}

export const teardown = (): Promise<void> | undefined => running?.close()
