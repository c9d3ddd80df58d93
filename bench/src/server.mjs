// The origin, in a process of its own: answers prepared bytes on bare sockets, so that the client is what costs.
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
  socket.on("data", (/** @type {Buffer} */ chunk) => {
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

const identity = await makeServerIdentity()
const [plainPort, tlsPort] = await Promise.all([
  listen(net.createServer(serve)),
  listen(tls.createServer({ key: identity.key, cert: identity.certificate, ALPNProtocols: ["http/1.1"] }, serve))
])
process.on("disconnect", () => process.exit(0))
// An interrupt reaches the whole process group: the client ends first and this process by the disconnect.
process.on("SIGINT", () => {})
process.send?.({ plainPort, tlsPort, root: identity.root })
