// Starts the server's process and says where it listens.
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"

/**
 * @typedef {object} Target
 * @property {string} origin
 * @property {string | undefined} root PEM of the root to trust, for TLS
 */

/**
 * @typedef {object} Origin
 * @property {Target} plain
 * @property {Target} tls
 * @property {Target} http2
 * @property {() => void} close
 */

/** @returns {Promise<Origin>} */
export const startOrigin = () =>
  new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL("./server.mjs", import.meta.url)), [], {
      execArgv: [],
      stdio: ["ignore", "inherit", "inherit", "ipc"]
    })
    child.once("error", reject)
    child.once("exit", (code) => reject(new Error(`the bench server ended with code ${code} before it listened`)))
    child.once(
      "message",
      (/** @type {{ plainPort: number, tlsPort: number, http2Port: number, root: string }} */ message) => {
        child.removeAllListeners("exit")
        // The IPC channel must not keep this process awake, nor stand among its handles: see sessions.mjs.
        child.unref()
        child.channel?.unref()
        resolve({
          plain: { origin: `http://127.0.0.1:${message.plainPort}`, root: undefined },
          tls: { origin: `https://localhost:${message.tlsPort}`, root: message.root },
          http2: { origin: `https://localhost:${message.http2Port}`, root: message.root },
          close: () => child.disconnect()
        })
      }
    )
  })
