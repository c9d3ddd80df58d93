/** Which servers there are, as the script that starts these tests says. */

const names = new Set((process.env["URLSESSION_INTEROP"] ?? "").split(","))

/** Tests that need servers which are not here are skipped: `describe.skipIf(lacking("nginx"))`. All of them need curl. */
export const lacking = (...servers: ReadonlyArray<string>): boolean =>
  ["curl", ...servers].some((server) => !names.has(server))
