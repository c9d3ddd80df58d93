/**
 * The few globals of the web platform that every runtime has and that core uses. Declared here, and only as far as they are
 * used, so that core compiles without the types of Node or of the DOM and cannot reach for more.
 */
declare class URL {
  constructor(url: string, base?: string | URL)
  readonly origin: string
  href: string
  protocol: string
  username: string
  password: string
  host: string
  hostname: string
  port: string
  pathname: string
  search: string
  hash: string
  toString(): string
}

declare class TextEncoder {
  encode(input?: string): Uint8Array
  encodeInto(source: string, destination: Uint8Array): { readonly read: number; readonly written: number }
}

declare class TextDecoder {
  constructor(label?: string, options?: { readonly fatal?: boolean; readonly ignoreBOM?: boolean })
  readonly encoding: string
  decode(input?: Uint8Array, options?: { readonly stream?: boolean }): string
}

declare function btoa(binary: string): string
declare function atob(base64: string): string

declare class URLSearchParams {
  constructor(init?: string)
  [Symbol.iterator](): IterableIterator<[string, string]>
}

interface FormData {
  [Symbol.iterator](): IterableIterator<[string, unknown]>
}

interface AbortSignal {
  readonly aborted: boolean
  addEventListener(type: "abort", listener: () => void, options?: { readonly once?: boolean }): void
}

declare class Response {
  constructor(body: Uint8Array, init?: { readonly headers?: Readonly<Record<string, string>> })
  formData(): Promise<FormData>
}

declare const crypto: {
  getRandomValues<Bytes extends Uint8Array>(bytes: Bytes): Bytes
}
