// A server of Digest (RFC 7616, MD5, auth) in a process of its own. It keeps to the letter: every answer is computed again, and
// a count that a nonce has had before is refused. Each challenge has a nonce of its own, good for as long as it is remembered.
import { fork } from "node:child_process"
import { hash, randomBytes } from "node:crypto"
import * as net from "node:net"
import { argv } from "node:process"
import { fileURLToPath } from "node:url"

export const user = "Mufasa"
export const password = "Circle of Life"
const realm = "bench"
const secret = hash("md5", `${user}:${realm}:${password}`)

const body = Buffer.alloc(1024, "urlsession ")
const welcome = Buffer.concat([
  Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: ${body.length}\r\n\r\n`),
  body
])

/**
 * The counts of each nonce; the oldest nonce goes first.
 *
 * @type {Map<string, Set<string>>}
 */
const nonces = new Map()
const remembered = 20_000
let requests = 0
let refusals = 0

const challenge = () => {
  const nonce = randomBytes(16).toString("base64")
  nonces.set(nonce, new Set())
  if (nonces.size > remembered) {
    for (const oldest of nonces.keys()) {
      nonces.delete(oldest)
      break
    }
  }
  return "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n" +
    `www-authenticate: Digest realm="${realm}", qop="auth", algorithm=MD5, nonce="${nonce}", opaque="bench"\r\n\r\n`
}

/**
 * @param {string} field
 * @param {string} name
 */
const parameter = (field, name) => {
  const match = new RegExp(`[ ,]${name}=(?:"([^"]*)"|([^", ]+))`).exec(field)
  return match?.[1] ?? match?.[2] ?? ""
}

/**
 * @param {string} target
 * @param {string} field
 */
const passes = (target, field) => {
  const nonce = parameter(field, "nonce")
  const nc = parameter(field, "nc")
  const counts = nonces.get(nonce)
  const what = hash("md5", `GET:${target}`)
  const expected = hash("md5", `${secret}:${nonce}:${nc}:${parameter(field, "cnonce")}:auth:${what}`)
  if (counts === undefined || counts.has(nc) || parameter(field, "response") !== expected) {
    return false
  }
  counts.add(nc)
  return true
}

/**
 * `GET /requests` tells how many others there were, and how many of them carried an answer that was refused.
 *
 * @param {net.Socket} socket
 * @param {string} head
 */
const answer = (socket, head) => {
  const target = head.slice(4, head.indexOf(" ", 4))
  if (target === "/requests") {
    const text = JSON.stringify({ requests, refusals })
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\n\r\n${text}`)
    return
  }
  requests++
  const field = /\r\nauthorization: digest ([^\r]*)/i.exec(head)
  if (target === "/open" || (field !== null && passes(target, ` ${field[1]}`))) {
    socket.write(welcome)
  } else {
    if (field !== null) {
      refusals++
    }
    socket.write(challenge())
  }
}

/** @param {net.Socket} socket */
const serve = (socket) => {
  let rest = ""
  socket.setNoDelay(true)
  socket.on("error", () => socket.destroy())
  socket.on("data", (chunk) => {
    rest += chunk.toString("latin1")
    let end = rest.indexOf("\r\n\r\n")
    while (end !== -1) {
      answer(socket, rest.slice(0, end))
      rest = rest.slice(end + 4)
      end = rest.indexOf("\r\n\r\n")
    }
  })
}

/** @returns {Promise<{ target: import("./origin.mjs").Target, close: () => void }>} */
export const startDigestServer = () =>
  new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), ["serve"], {
      execArgv: [],
      stdio: ["ignore", "inherit", "inherit", "ipc"]
    })
    child.once("error", reject)
    child.once("exit", (code) => reject(new Error(`the Digest server ended with code ${code} before it listened`)))
    child.once("message", (/** @type {{ port: number }} */ { port }) => {
      child.removeAllListeners("exit")
      child.unref()
      child.channel?.unref()
      resolve({ target: { origin: `http://127.0.0.1:${port}`, root: undefined }, close: () => child.disconnect() })
    })
  })

if (argv[1] === fileURLToPath(import.meta.url) && argv[2] === "serve") {
  const server = net.createServer(serve)
  server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () => {
    const address = server.address()
    process.send?.({ port: address !== null && typeof address === "object" ? address.port : 0 })
  })
  process.on("disconnect", () => process.exit(0))
  process.on("SIGINT", () => {})
}
