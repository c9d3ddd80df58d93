/**
 * How responses are written down: a mark, the hash of all that follows, the heads as JSON, then the bodies. What does not
 * agree with its hash was not written by us, or not to its end.
 */
import { HeaderFields } from "@urlsession/core/HeaderFields"
import type { StoredResponse } from "@urlsession/core/UrlCache"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Buffer } from "node:buffer"
import { createHash, timingSafeEqual } from "node:crypto"

const mark = Buffer.from("USC1")
const hashLength = 32
const start = mark.length + hashLength + 4

const Count = Schema.Int.pipe(Schema.nonNegative())
const Time = Schema.Number.pipe(Schema.finite())

const Head = Schema.Struct({
  status: Schema.Int.pipe(Schema.between(100, 999)),
  reason: Schema.String,
  fields: Schema.Array(Schema.String),
  requestTime: Time,
  responseTime: Time,
  vary: Schema.Array(Schema.Tuple(Schema.String, Schema.NullOr(Schema.String))),
  part: Schema.NullOr(Schema.Struct({ first: Count, last: Count, total: Count })),
  storedAt: Time,
  storagePolicy: Schema.Literal("allowed", "allowedInMemoryOnly"),
  userInfo: Schema.NullOr(
    Schema.Record({
      key: Schema.String,
      value: Schema.Union(Schema.String, Schema.Number, Schema.Boolean, Schema.Null)
    })
  ),
  length: Count
})

const Document = Schema.parseJson(
  Schema.Struct({ url: Schema.String, partition: Schema.String, heads: Schema.Array(Head) })
)
const decode = Schema.decodeUnknownOption(Document)
const encode = Schema.encodeOption(Document)

const hashOf = (...parts: ReadonlyArray<Uint8Array>): Buffer => {
  const hash = createHash("sha256")
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** The bytes of a file; `undefined` for what cannot be written down. */
export const written = (
  url: string,
  partition: string,
  responses: ReadonlyArray<StoredResponse>
): Buffer | undefined => {
  const text = encode({
    url,
    partition,
    heads: responses.map(({ body, fields, part, storagePolicy, userInfo, ...head }) => ({
      status: head.status,
      reason: head.reason,
      fields: fields.flat,
      requestTime: head.requestTime,
      responseTime: head.responseTime,
      vary: head.vary,
      part: part ?? null,
      storedAt: head.storedAt,
      storagePolicy: storagePolicy === "allowed" ? storagePolicy : "allowedInMemoryOnly" as const,
      userInfo: userInfo ?? null,
      length: body.length
    }))
  })
  if (Option.isNone(text)) return undefined
  const heads = Buffer.from(text.value)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(heads.length)
  const bodies = responses.map((one) => one.body)
  return Buffer.concat([mark, hashOf(length, heads, ...bodies), length, heads, ...bodies])
}

/** What was written; `undefined` for bytes that were not written so, or for another URL or partition. */
export const read = (
  bytes: Uint8Array,
  url: string,
  partition: string
): ReadonlyArray<StoredResponse> | undefined => {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (file.length < start || !file.subarray(0, mark.length).equals(mark)) return undefined
  const hash = file.subarray(mark.length, mark.length + hashLength)
  if (!timingSafeEqual(hash, hashOf(file.subarray(mark.length + hashLength)))) return undefined
  const end = start + file.readUInt32BE(mark.length + hashLength)
  const document = Option.getOrUndefined(decode(file.toString("utf8", start, end)))
  if (document === undefined || document.url !== url || document.partition !== partition) return undefined
  let offset = end
  const responses: Array<StoredResponse> = []
  for (const { fields, length, part, userInfo, ...head } of document.heads) {
    if (offset + length > file.length) return undefined
    // a copy of its own, so that one small body does not hold the whole file in memory
    const body = new Uint8Array(file.subarray(offset, offset + length))
    offset += length
    responses.push({
      ...head,
      url,
      partition,
      fields: new HeaderFields(fields),
      part: part ?? undefined,
      userInfo: userInfo ?? undefined,
      body
    })
  }
  return offset === file.length ? responses : undefined
}
