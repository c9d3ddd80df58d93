// The server that the browser tests talk to: on loopback, on another origin than the page, with CORS.
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import type { TestProject } from "vitest/node"

declare module "vitest" {
  interface ProvidedContext {
    readonly origin: string
  }
}

const server = createServer((request, response) => {
  response.setHeader("access-control-allow-origin", "*")
  response.setHeader("access-control-allow-headers", "*")
  response.setHeader("content-type", "text/plain")
  switch (request.url) {
    case "/hello":
      return response.end("hello, browser")
    case "/long":
      return response.end("x".repeat(1_000_000))
    case "/never":
      return
    default: {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => response.end(`${request.method} ${Buffer.concat(chunks).toString()}`))
    }
  }
})

export const setup = async (project: TestProject) => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  project.provide("origin", `http://127.0.0.1:${port}`)
}

export const teardown = () => {
  server.closeAllConnections()
  server.close()
}
