/** Runs a parser over bytes in pieces and keeps all it said, in a form two runs can be compared by. */
import { type ParserLimits, type ResponseHead, ResponseParser } from "@urlsession/core/Http1"

export interface Recorded {
  readonly informational: ReadonlyArray<unknown>
  readonly head: unknown
  readonly body: string
  readonly trailers: ReadonlyArray<string> | undefined
  readonly fault:
    | { readonly _tag: string; readonly bytesReceived: number; readonly expected: number | undefined }
    | undefined
  readonly detail: string | undefined
  readonly state: string
  readonly surplus: boolean
  readonly keepAlive: boolean
  readonly keepAliveTimeout: number | undefined
  readonly tunnel: string | undefined
  /** Broken promises: events after the end, twice, out of order. */
  readonly violations: ReadonlyArray<string>
}

export interface Exchange {
  readonly method?: string
  readonly upgrade?: boolean
  readonly expectContinue?: boolean
  readonly limits?: Partial<ParserLimits>
  /** Whether the peer's FIN comes behind the bytes. */
  readonly eof?: boolean
}

export const latin1 = (text: string): Uint8Array => {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) {
    bytes[i] = text.charCodeAt(i)
  }
  return bytes
}

export const text = (bytes: Uint8Array): string => {
  let out = ""
  for (const byte of bytes) {
    out += String.fromCharCode(byte)
  }
  return out
}

const headOf = (head: ResponseHead) => ({
  version: head.version,
  status: head.status,
  reason: head.reason,
  fields: [...head.fields.flat],
  headBytes: head.headBytes,
  framing: head.framing
})

/** One exchange: `begin`, then every piece, then the end of the stream where it is asked for. */
export const record = (pieces: ReadonlyArray<Uint8Array | string>, exchange: Exchange = {}): Recorded => {
  const informational: Array<unknown> = []
  const violations: Array<string> = []
  let head: unknown = undefined
  let body = ""
  let trailers: ReadonlyArray<string> | undefined = undefined
  let fault: Recorded["fault"] = undefined
  let detail: string | undefined = undefined
  const over = (): boolean => fault !== undefined || trailers !== undefined
  const check = (event: string, wrong: boolean) => {
    if (wrong) {
      violations.push(event)
    }
  }
  const parser = new ResponseParser({
    onInformational(response) {
      check("onInformational", over() || head !== undefined)
      informational.push(headOf(response))
    },
    onHead(response) {
      check("onHead", over() || head !== undefined)
      head = headOf(response)
    },
    onBody(bytes) {
      check("onBody", over() || head === undefined || bytes.length === 0)
      body += text(bytes)
      check("bodyBytes", parser.bodyBytes !== body.length)
    },
    onComplete(fields) {
      check("onComplete", over() || head === undefined)
      trailers = [...fields.flat]
    },
    onFault(problem) {
      check("onFault", over())
      fault = { _tag: problem._tag, bytesReceived: problem.bytesReceived, expected: problem.expected }
      detail = problem.detail
    }
  }, exchange.limits === undefined ? {} : { limits: exchange.limits })
  parser.begin({
    method: exchange.method ?? "GET",
    upgrade: exchange.upgrade ?? false,
    expectContinue: exchange.expectContinue ?? false
  })
  for (const piece of pieces) {
    const bytes = typeof piece === "string" ? latin1(piece) : piece.slice()
    parser.execute(bytes)
    // Borrowed: whoever kept a view of it keeps this.
    bytes.fill(0x21)
  }
  if (exchange.eof === true) {
    parser.eof()
  }
  return {
    informational,
    head,
    body,
    trailers,
    fault,
    detail,
    state: parser.state,
    surplus: parser.surplus,
    keepAlive: parser.keepAlive,
    keepAliveTimeout: parser.keepAliveTimeout,
    tunnel: parser.tunnelBytes === undefined ? undefined : text(parser.tunnelBytes),
    violations
  }
}

/** The fields of a recorded head as one flat list, or of nothing. */
export const fieldsOf = (recorded: Recorded): ReadonlyArray<string> => {
  const head = recorded.head
  return typeof head === "object" && head !== null && "fields" in head && Array.isArray(head.fields)
    ? head.fields.map(String)
    : []
}

/** The status of a recorded head, or of nothing. */
export const statusOf = (recorded: Recorded): number | undefined => {
  const head = recorded.head
  return typeof head === "object" && head !== null && "status" in head && typeof head.status === "number"
    ? head.status
    : undefined
}

/** The framing of a recorded head, or of nothing. */
export const framingTag = (recorded: Recorded): string | undefined => {
  const head = recorded.head
  if (typeof head !== "object" || head === null || !("framing" in head)) {
    return undefined
  }
  const framing = head.framing
  return typeof framing === "object" && framing !== null && "_tag" in framing ? String(framing._tag) : undefined
}
