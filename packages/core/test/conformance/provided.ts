/** What the browser tests are told of the server that was started for them. */
import "vitest"

export interface Provided {
  /** `http://127.0.0.1:port`, another origin than the page. */
  readonly http: string
  /** The same over TLS and HTTP/2; the browser of the tests minds no certificate. */
  readonly https: string
  /** An origin that nobody answers at. */
  readonly refused: string
}

declare module "vitest" {
  interface ProvidedContext {
    readonly conformance: Provided
  }
}
