/** The text that credentials are written as. What is said of a broken one never quotes it: there are passwords in it. */
import * as Either from "effect/Either"
import * as HashMap from "effect/HashMap"
import * as Schema from "effect/Schema"
import { passwordSchema } from "../../Credential.ts"
import * as ProtectionSpace from "../../ProtectionSpace.ts"
import { type Book, empty, type Entry } from "./book.ts"

const format = "urlsession-credentials"
const version = 1

const Head = Schema.Struct({ format: Schema.Literal(format), version: Schema.Number })

const Document = Schema.Struct({
  format: Schema.Literal(format),
  version: Schema.Literal(version),
  spaces: Schema.Array(Schema.Struct({
    host: Schema.String,
    port: Schema.Number,
    protocol: Schema.String,
    method: Schema.String,
    realm: Schema.optional(Schema.String),
    isProxy: Schema.Boolean,
    default: Schema.optional(Schema.String),
    credentials: Schema.Array(passwordSchema)
  }))
})

const parseHead = Schema.decodeUnknownEither(Head)
const parseDocument = Schema.decodeUnknownEither(Document)
const encode = Schema.encodeSync(Document)

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const decodeDocument = (text: string): Either.Either<Book, "NotCredentials" | "Foreign" | "Damaged"> => {
  const value = parsed(text)
  const head = parseHead(value)
  if (Either.isLeft(head)) return Either.left("NotCredentials")
  if (head.right.version !== version) return Either.left("Foreign")
  const document = parseDocument(value)
  if (Either.isLeft(document)) return Either.left("Damaged")
  let book = empty
  for (const { credentials, default: user, ...space } of document.right.spaces) {
    const entry: Entry = {
      byUser: new Map(credentials.map((credential) => [credential.user, credential])),
      default: user
    }
    book = HashMap.set(book, ProtectionSpace.make(space), entry)
  }
  return Either.right(book)
}

export const encodeDocument = (book: Book): string =>
  JSON.stringify(encode({
    format,
    version,
    spaces: Array.from(HashMap.entries(book)).flatMap(([space, entry]) => {
      const { host, isProxy, method, port, protocol, realm } = space
      const credentials = [...entry.byUser.values()].filter((credential) => credential.persistence === "permanent")
      return credentials.length === 0
        ? []
        : [{
          host,
          port,
          protocol,
          method,
          isProxy,
          credentials,
          ...(realm === undefined ? {} : { realm }),
          ...(entry.default === undefined ? {} : { default: entry.default })
        }]
    })
  }))
