// Brings servers in from Debian where that is possible: apt, root and a network. What cannot be had is no failure.
import { existsSync, rmSync, writeFileSync } from "node:fs"
import { run } from "../setup.mjs"

const apt = "/usr/bin/apt-get"
const policy = "/usr/sbin/policy-rc.d"
const environment = { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" }
const impatient = ["-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20", "-o", "DPkg::Lock::Timeout=60"]

const aptGet = (...args) => run(apt, [...impatient, "-q", ...args], { env: environment, timeout: 180_000 })

/**
 * Runs with a policy that no package starts a service (the tests start their own), and takes it away again. A policy that
 * is there already stays as it is: whoever put it there decided.
 */
const withoutServices = async (use) => {
  const own = !existsSync(policy)
  if (own) writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 })
  try {
    return await use()
  } finally {
    if (own) rmSync(policy, { force: true })
  }
}

/** Why nothing can be installed here, or `undefined`. */
export const obstacle = (exists = existsSync, user = process.getuid?.()) =>
  !exists(apt) ? "this system has no apt-get" : user !== 0 ? "installing needs root" : undefined

/** Installs the packages; gives what went wrong, or `undefined`. */
export const install = async (packages) => {
  const why = obstacle()
  if (why !== undefined) return why
  const update = await aptGet("update")
  if (update.code !== 0) return `apt-get update failed:\n${update.output.trimEnd()}`
  return withoutServices(async () => {
    const { code, output } = await aptGet("install", "-y", "--no-install-recommends", ...packages)
    return code === 0 ? undefined : `apt-get install failed:\n${output.trimEnd()}`
  })
}
