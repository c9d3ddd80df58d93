/**
 * The HTTP/1.1 client codec: sans-I/O and pure, for every runtime that has TCP. Bytes go in and events come out
 * (`ResponseParser`), requests go in and heads come out (`encodeHead`); connections, pools and policy live elsewhere.
 * RFC 9110 and RFC 9112, strict where two readers of the same bytes could disagree.
 *
 * @since 0.1.0
 */

export {
  /**
   * An ordered list of header fields with lower-case names: one flat array, looked up lazily (RFC 9110 section 5).
   *
   * @since 0.1.0
   * @category models
   */
  HeaderFields
} from "./internal/http1/headerFields.ts"

export {
  /**
   * The limits of a parser where nothing else is said: 64 KiB and 1,000 fields for a head, 16 KiB of chunk extensions
   * for a message, 32 informational responses and 64 KiB of them for an exchange.
   *
   * @since 0.1.0
   * @category configuration
   */
  defaultLimits,
  /**
   * What a parser must know of the request it reads the response of.
   *
   * @since 0.1.0
   * @category models
   */
  type ExchangeStart,
  /**
   * How the end of a message is found (RFC 9112 section 6.3).
   *
   * @since 0.1.0
   * @category models
   */
  type Framing,
  /**
   * Why bytes were refused, with the bytes of body received before.
   *
   * @since 0.1.0
   * @category errors
   */
  type ParseFault,
  /**
   * What a parser tells its owner, synchronously.
   *
   * @since 0.1.0
   * @category models
   */
  type ParserEvents,
  /**
   * Bounds, in bytes or pieces, on what a peer may make a parser hold or count.
   *
   * @since 0.1.0
   * @category configuration
   */
  type ParserLimits,
  /**
   * Settings of a parser: limits, and the runtime's own Latin-1 decoder.
   *
   * @since 0.1.0
   * @category configuration
   */
  type ParserOptions,
  /**
   * Where a parser stands.
   *
   * @since 0.1.0
   * @category models
   */
  type ParserState,
  /**
   * The head of a response; `headBytes` counts its bytes on the wire, the empty line included.
   *
   * @since 0.1.0
   * @category models
   */
  type ResponseHead,
  /**
   * Reads the responses of one connection, one exchange after the other: `begin`, then `execute` with whatever bytes come,
   * `eof` at the end of the stream. Never throws; a fault is an event.
   *
   * @since 0.1.0
   * @category constructors
   */
  ResponseParser,
  /**
   * Whether a connection may serve another exchange (RFC 9112 section 9.3): a pure decision.
   *
   * @since 0.1.0
   * @category decisions
   */
  reusable,
  /**
   * All that counts for `reusable`.
   *
   * @since 0.1.0
   * @category models
   */
  type ReuseState
} from "./internal/http1/parser.ts"

export {
  /**
   * Whether a field, by its lower-case name, may stand in trailers: none that frames, routes or authenticates may (RFC 9110
   * section 6.5.1).
   *
   * @since 0.1.0
   * @category decisions
   */
  allowedInTrailers
} from "./internal/http1/names.ts"

export {
  /**
   * The length of a request body in bytes, `"chunked"` where it is not known, `undefined` for none.
   *
   * @since 0.1.0
   * @category models
   */
  type BodyLength,
  /**
   * What is wrong with a field that a caller gives: an invalid name or value, or a name that belongs to the connection
   * (`Host`, `Connection`, `Transfer-Encoding`, `Proxy-*`, ...); `undefined` when nothing is.
   *
   * @since 0.1.0
   * @category writing
   */
  checkCallerField,
  /**
   * What is wrong with a caller's `Content-Length` beside the body that will be sent; `undefined` when they agree.
   *
   * @since 0.1.0
   * @category writing
   */
  checkContentLength,
  /**
   * The bytes behind the data of a chunk, as a string.
   *
   * @since 0.1.0
   * @category writing
   */
  chunkEnd,
  /**
   * The size line before the data of a chunk (RFC 9112 section 7.1). Throws a `RangeError` for a chunk of no bytes, which
   * would end the body.
   *
   * @since 0.1.0
   * @category writing
   */
  chunkHead,
  /**
   * The number a caller's `Content-Length` names, or `undefined`.
   *
   * @since 0.1.0
   * @category writing
   */
  declaredLength,
  /**
   * A request head as a string to be sent as Latin-1, or what is wrong with the request (RFC 9112 sections 3, 5 and 6).
   *
   * @since 0.1.0
   * @category writing
   */
  encodeHead,
  /**
   * The last chunk, the trailers and the empty line (RFC 9112 section 7.1).
   *
   * @since 0.1.0
   * @category writing
   */
  lastChunk,
  /**
   * Why a request cannot be written; `name` is the field concerned, never its value.
   *
   * @since 0.1.0
   * @category errors
   */
  type RequestFault,
  /**
   * The final values a request head is made of.
   *
   * @since 0.1.0
   * @category models
   */
  type RequestHead
} from "./internal/http1/writer.ts"
