/** A request as the test sees it. */
import * as Redacted from "effect/Redacted"
import type { IdentityCredential } from "../../Credential.ts"
import type { ReceivedRequest } from "../../TestTransport.ts"
import type { WireRequest } from "../../Transport.ts"

export const received = (
  request: WireRequest,
  body: Uint8Array | undefined,
  identity: IdentityCredential | undefined,
  fresh: boolean,
  index: number
): ReceivedRequest => {
  const header = (name: string) => request.fields.find((field) => field.name === name)?.value
  const authorization = header("authorization")
  return {
    method: request.method,
    url: request.url.href,
    header,
    authorization: authorization === undefined ? undefined : Redacted.make(authorization),
    body,
    identity,
    fresh,
    index
  }
}
