/**
 * The rounds of authentication as a value: what has been refused and how often, which challenge is asked about next, and when it
 * ends. Nothing here knows of schemes, sockets or effects, so that it can be driven by any server that a test thinks of.
 */

/** A challenge that can be answered; several may be for one space only if they are of different schemes. */
export interface Offer {
  /** The protection space, by what it is compared. */
  readonly space: string
}

/** What was sent with the request that has been refused. */
export interface Sent<out C> {
  readonly space: string
  readonly credential: C
  /** Without a challenge: its refusal is no failure of this task. */
  readonly ahead: boolean
  /** The refusal may be of something grown old (a nonce), and not of the credential. */
  readonly perishable: boolean
}

interface History<out C> {
  readonly failures: number
  readonly refused: ReadonlyArray<C>
}

/** Immutable. */
export interface Challenges<in out C> {
  /** So many rounds at most. */
  readonly limit: number
  readonly equals: (left: C, right: C) => boolean
  readonly rounds: number
  readonly spaces: ReadonlyMap<string, History<C>>
}

export const begin = <C>(limit: number, equals: (left: C, right: C) => boolean): Challenges<C> => ({
  limit,
  equals,
  rounds: 0,
  spaces: new Map()
})

/** How often this task has failed in a space. */
export const failures = <C>(challenges: Challenges<C>, space: string): number =>
  challenges.spaces.get(space)?.failures ?? 0

/** Whether a credential has been refused in a space: it is not proposed again. */
export const wasRefused = <C>(challenges: Challenges<C>, space: string, credential: C): boolean =>
  challenges.spaces.get(space)?.refused.some((one) => challenges.equals(one, credential)) ?? false

const refuse = <C>(challenges: Challenges<C>, { ahead, credential, perishable, space }: Sent<C>): Challenges<C> => {
  // not every server says of a nonce that it has grown old: the credential itself may still be good
  if (ahead && perishable) return challenges
  const before = challenges.spaces.get(space)
  const history = {
    failures: (before?.failures ?? 0) + (ahead ? 0 : 1),
    refused: [...before?.refused ?? [], credential]
  }
  return { ...challenges, spaces: new Map(challenges.spaces).set(space, history) }
}

/** What has to be done. `Ask`: about the offer of this index. `Renew`: the same credential again, in answer to what is new. */
export type Move =
  | { readonly _tag: "Ask"; readonly index: number }
  | { readonly _tag: "Renew" }
  | { readonly _tag: "Deliver" }
  | { readonly _tag: "TooManyRounds" }

/** A move, and the value it leaves. `forgets`: what was sent is of no use any more. */
export interface Step<in out C> {
  readonly challenges: Challenges<C>
  readonly move: Move
  readonly forgets: boolean
}

const deliver: Move = { _tag: "Deliver" }
const tooMany: Move = { _tag: "TooManyRounds" }
const renew: Move = { _tag: "Renew" }

/** The offer that follows one which was passed over; the response is the result where there is none. */
export const passed = (offers: ReadonlyArray<Offer>, index: number): Move =>
  index + 1 < offers.length ? { _tag: "Ask", index: index + 1 } : deliver

/**
 * The server has challenged. `renews`: it goes on with what was sent (a stale nonce, the next message of an exchange), and nothing
 * has been refused.
 */
export const challenged = <C>(
  challenges: Challenges<C>,
  offers: ReadonlyArray<Offer>,
  sent: Sent<C> | undefined,
  renews: boolean
): Step<C> => {
  // a challenge of another space says nothing against what was sent ahead: the URL is only not inside that one
  const elsewhere = sent?.ahead === true && offers.length > 0 && !offers.some((one) => one.space === sent.space)
  const forgets = sent !== undefined && !renews && !elsewhere
  const judged = forgets ? refuse(challenges, sent) : challenges
  if (offers.length === 0 && !renews) return { challenges: judged, move: deliver, forgets }
  const counted = { ...judged, rounds: judged.rounds + 1 }
  if (counted.rounds > counted.limit) return { challenges: counted, move: tooMany, forgets }
  return { challenges: counted, move: renews ? renew : { _tag: "Ask", index: 0 }, forgets }
}
