/**
 * The decider that is asked for every address before a connection is made to it: the seat of an SSRF guard.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { capture } from "./internal/capture.ts"
import { classify } from "./internal/protocol/address.ts"

/**
 * One resolved or literal address of a host, in canonical form, as it would be connected.
 *
 * @since 0.1.0
 * @category models
 */
export interface Address {
  /** The host name or literal of the URL. */
  readonly host: string
  /** The address that would be connected. */
  readonly address: string
  readonly family: 4 | 6
  readonly port: number
}

/**
 * The answer: go on, or never connect to it, with the rule that says so.
 *
 * @since 0.1.0
 * @category models
 */
export type AddressVerdict =
  | { readonly _tag: "Allow" }
  | { readonly _tag: "Refuse"; readonly rule: string }

/**
 * @since 0.1.0
 * @category constructors
 */
export const allow: AddressVerdict = { _tag: "Allow" }

/**
 * @since 0.1.0
 * @category constructors
 */
export const refuse = (rule: string): AddressVerdict => ({ _tag: "Refuse", rule })

/**
 * What the slot holds: one question per address. A failure ends the request with `DelegateFailed`.
 *
 * @since 0.1.0
 * @category models
 */
export interface AddressPolicyService {
  readonly judge: (address: Address) => Effect.Effect<AddressVerdict, unknown>
}

/**
 * The slot. It is asked in the connector for every address of every hop and attempt, and the judged address is the one
 * connected; without it every address is allowed.
 *
 * @since 0.1.0
 * @category slots
 */
export class AddressPolicy extends Context.Tag("@urlsession/core/AddressPolicy")<
  AddressPolicy,
  AddressPolicyService
>() {}

/**
 * A policy from a function.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E, R>(
  judge: (address: Address) => Effect.Effect<AddressVerdict, E, R>
): Layer.Layer<AddressPolicy, never, R> =>
  Layer.effect(
    AddressPolicy,
    Effect.map(capture<R>(), (run) => ({ judge: (address: Address) => run(judge(address)) }))
  )

/**
 * Refuses everything that is not a public unicast address: loopback, private, link-local, shared, multicast, documentation
 * and reserved ranges, also when written as a v4-mapped, NAT64 or 6to4 address.
 *
 * @since 0.1.0
 * @category layers
 */
export const publicOnly: Layer.Layer<AddressPolicy> = Layer.succeed(AddressPolicy, {
  judge: ({ address }) => {
    const kind = classify(address)
    return Effect.succeed(kind === "public" ? allow : refuse(`${kind ?? "unknown"} addresses are not public`))
  }
})
