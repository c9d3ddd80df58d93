// The origin, in a process of its own: answers prepared bytes on bare sockets, so that the client is what costs.
import * as http2 from "node:http2"
import * as net from "node:net"
import * as tls from "node:tls"
import { makeServerIdentity } from "./certificate.mjs"

const smallBody = Buffer.alloc(1024, "urlsession ")
const block = Buffer.alloc(1024 * 1024, 0x5a)

/** @param {number} length */
const head = (length) =>
  Buffer.from(
    "HTTP/1.1 200 OK\r\n" +
      "content-type: application/octet-stream\r\n" +
      `content-length: ${length}\r\n` +
      `date: ${new Date().toUTCString()}\r\n` +
      "etag: \"5f3c-1a2b\"\r\n" +
      "connection: keep-alive\r\n" +
      "keep-alive: timeout=600\r\n\r\n",
    "latin1"
  )

const small = Buffer.concat([head(smallBody.length), smallBody])
const notFound = Buffer.from("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "latin1")

/**
 * Writes `length` bytes out of one block, as fast as the other side takes them.
 *
 * @param {net.Socket} socket
 * @param {number} length
 */
const sendBlocks = (socket, length) => {
  let left = length
  const more = () => {
    while (left > 0) {
      const size = Math.min(left, block.length)
      left -= size
      if (!socket.write(size === block.length ? block : block.subarray(0, size)) && left > 0) {
        socket.once("drain", more)
        return
      }
    }
  }
  socket.write(head(length))
  more()
}

const empty = Buffer.alloc(0)

/**
 * Takes a body off the wire, counts it and says how long it was.
 *
 * @param {net.Socket} socket
 * @param {string} head
 * @param {Buffer} first what came behind the head
 * @param {() => void} done
 */
const sink = (socket, head, first, done) => {
  const announced = /\r\ncontent-length: (\d+)/i.exec(head)
  const length = announced === null ? Number.POSITIVE_INFINITY : Number(announced[1])
  let taken = 0
  let tail = empty
  const take = (/** @type {Buffer} */ chunk) => {
    taken += chunk.length
    if (announced === null) {
      tail = chunk.length >= 5 ? chunk.subarray(chunk.length - 5) : Buffer.concat([tail, chunk]).subarray(-5)
    }
    if (taken >= length || (announced === null && tail.latin1Slice(0, 5) === "0\r\n\r\n")) {
      socket.removeListener("data", take)
      const text = String(taken)
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\n\r\n${text}`)
      done()
    }
  }
  socket.on("data", take)
  take(first)
}

/**
 * Answers one request head. `GET /bytes/<n>` gives n bytes, `GET /small` a body of 1 KiB.
 *
 * @param {net.Socket} socket
 * @param {string} request
 */
const answer = (socket, request) => {
  if (request.startsWith("GET /small")) {
    socket.write(small)
    return
  }
  const match = /^GET \/bytes\/(\d{1,12}) /.exec(request)
  if (match === null) {
    socket.write(notFound)
  } else {
    sendBlocks(socket, Number(match[1]))
  }
}

/** @param {net.Socket} socket */
const serve = (socket) => {
  let rest = ""
  socket.setNoDelay(true)
  socket.on("error", () => socket.destroy())
  let sinking = false
  socket.on("data", (/** @type {Buffer} */ chunk) => {
    if (sinking) {
      return
    }
    if (chunk[0] === 0x50) {
      const end = chunk.indexOf("\r\n\r\n") + 4
      sinking = true
      sink(socket, chunk.latin1Slice(0, end), chunk.subarray(end), () => {
        sinking = false
      })
      return
    }
    rest += chunk.latin1Slice(0, chunk.length)
    let end = rest.indexOf("\r\n\r\n")
    while (end !== -1) {
      answer(socket, rest)
      rest = end + 4 === rest.length ? "" : rest.slice(end + 4)
      end = rest.indexOf("\r\n\r\n")
    }
  })
}

/** @param {net.Server} server */
const listen = (server) =>
  new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () => {
      const address = server.address()
      resolve(address !== null && typeof address === "object" ? address.port : 0)
    })
  })

/** The same small answer over HTTP/2. */
const serveStreams = (/** @type {http2.Http2SecureServer} */ server) => {
  server.on("session", (session) => session.on("error", () => session.destroy()))
  server.on("stream", (stream) => {
    stream.on("error", () => stream.destroy())
    stream.respond({ ":status": 200, "content-type": "application/octet-stream", "content-length": "1024" })
    stream.end(smallBody)
  })
  return server
}

const identity = await makeServerIdentity()
const [plainPort, tlsPort, http2Port] = await Promise.all([
  listen(net.createServer(serve)),
  listen(tls.createServer({ key: identity.key, cert: identity.certificate, ALPNProtocols: ["http/1.1"] }, serve)),
  listen(serveStreams(http2.createSecureServer({ key: identity.key, cert: identity.certificate })))
])
process.on("disconnect", () => process.exit(0))
// An interrupt reaches the whole process group: the client ends first and this process by the disconnect.
process.on("SIGINT", () => {})
process.send?.({ plainPort, tlsPort, http2Port, root: identity.root })
