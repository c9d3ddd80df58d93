// The rounds of authentication against any server: what holds whatever it says, and whatever is answered.
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Machine from "../../src/internal/protocol/challengeMachine.ts"

interface Credential {
  readonly space: string
  readonly name: string
}

const equals = (left: Credential, right: Credential): boolean => left.space === right.space && left.name === right.name

const spaces = ["Digest a", "Digest b", "Basic a", "Basic b", "NTLM"]

/** What a server answers to one sending: lets it in, or offers these, perhaps going on with what was sent. */
interface Answer {
  readonly in: boolean
  readonly offers: ReadonlyArray<string>
  readonly renews: boolean
}

const answer: FastCheck.Arbitrary<Answer> = FastCheck.record({
  in: FastCheck.integer({ min: 0, max: 9 }).map((one) => one === 0),
  offers: FastCheck.uniqueArray(FastCheck.constantFrom(...spaces), { maxLength: 4 }),
  renews: FastCheck.boolean()
})

/** What is decided about one challenge. */
const decision = FastCheck.record({
  use: FastCheck.boolean(),
  name: FastCheck.constantFrom("ada", "bob", "eve"),
  ahead: FastCheck.boolean(),
  perishable: FastCheck.boolean()
})

interface Run {
  /** Of every sending, what it carried. */
  readonly sent: ReadonlyArray<Machine.Sent<Credential> | undefined>
  /** Of every challenge, how it was answered; never twice. */
  readonly answered: ReadonlyMap<string, number>
  readonly failures: ReadonlyArray<ReadonlyMap<string, number>>
  readonly refusals: number
  readonly end: "in" | Machine.Move["_tag"]
}

const run = (
  limit: number,
  script: ReadonlyArray<Answer>,
  decisions: ReadonlyArray<{ readonly use: boolean; readonly name: string; readonly perishable: boolean }>,
  first: Machine.Sent<Credential> | undefined
): Run => {
  let challenges = Machine.begin(limit, equals)
  let sent: Machine.Sent<Credential> | undefined = first
  const sendings: Array<Machine.Sent<Credential> | undefined> = [sent]
  const answered = new Map<string, number>()
  const failures: Array<ReadonlyMap<string, number>> = []
  let [asked, refusals] = [0, 0]
  const ended = (end: Run["end"]): Run => ({ sent: sendings, answered, failures, refusals, end })
  for (let round = 0;; round++) {
    // a server that is at the end of its script begins anew: it must come to an end all the same
    const said = script[round % script.length]
    if (said === undefined || said.in) return ended("in")
    const renews = said.renews && sent !== undefined && said.offers.includes(sent.space)
    const offers = said.offers.map((space) => ({ space }))
    const step = Machine.challenged(challenges, offers, sent, renews)
    if (step.forgets) refusals++
    challenges = step.challenges
    failures.push(new Map(spaces.map((space) => [space, Machine.failures(challenges, space)])))
    if (round > limit) return ended("Deliver")
    let move: Machine.Move = step.move
    while (move._tag === "Ask") {
      const offer = offers[move.index]
      const decided = decisions[asked++ % decisions.length]
      if (offer === undefined || decided === undefined) return ended("Deliver")
      const key = `${round} ${offer.space}`
      answered.set(key, (answered.get(key) ?? 0) + 1)
      const credential = { space: offer.space, name: decided.name }
      if (decided.use && !Machine.wasRefused(challenges, offer.space, credential)) {
        sent = { space: offer.space, credential, ahead: false, perishable: decided.perishable }
        break
      }
      move = Machine.passed(offers, move.index)
    }
    if (move._tag === "Deliver" || move._tag === "TooManyRounds") return ended(move._tag)
    sendings.push(sent)
  }
}

const ahead = FastCheck.option(
  FastCheck.record({
    space: FastCheck.constantFrom(...spaces),
    name: FastCheck.constantFrom("ada", "bob"),
    perishable: FastCheck.boolean()
  }),
  { nil: undefined }
)

const runs = [
  FastCheck.integer({ min: 1, max: 20 }),
  FastCheck.array(answer, { minLength: 1, maxLength: 12 }),
  FastCheck.array(decision, { minLength: 1, maxLength: 12 }),
  ahead
] as const

const check = (name: string, holds: (made: Run, limit: number) => void): void =>
  it.prop(name, [...runs], ([limit, script, decisions, first]) => {
    const sent = first === undefined
      ? undefined
      : {
        space: first.space,
        credential: { space: first.space, name: first.name },
        ahead: true,
        perishable: first.perishable
      }
    holds(run(limit, script, decisions, sent), limit)
  }, { fastCheck: { numRuns: 2000 } })

describe("the machine of challenges, against any server and any answers", () => {
  check("comes to an end within its rounds", ({ end, sent }, limit) => {
    assert.isAtMost(sent.length, limit + 1)
    assert.include(["in", "Deliver", "TooManyRounds"], end)
  })

  check("answers each challenge once at most", ({ answered }) => {
    for (const times of answered.values()) assert.strictEqual(times, 1)
  })

  check("counts failures of a space upwards only, one for each refused sending", ({ failures, refusals, sent }) => {
    let before = new Map<string, number>()
    for (const now of failures) {
      for (const [space, count] of now) {
        assert.isAtLeast(count, before.get(space) ?? 0)
        assert.isAtMost(count, (before.get(space) ?? 0) + 1)
      }
      before = new Map(now)
    }
    const total = [...before.values()].reduce((sum, count) => sum + count, 0)
    assert.isAtMost(total, refusals)
    assert.isAtMost(total, sent.length)
  })

  check("sends a credential in its own space only, and none again that was refused there", ({ sent }) => {
    const refused = new Set<string>()
    sent.forEach((one, index) => {
      if (one === undefined) return
      assert.strictEqual(one.credential.space, one.space)
      const before = sent[index - 1]
      // the same again is a renewal
      if (one !== before) assert.isFalse(refused.has(`${one.space} ${one.credential.name}`))
      if (one !== before && before !== undefined && !before.ahead) {
        refused.add(`${before.space} ${before.credential.name}`)
      }
    })
  })
})

describe("one step", () => {
  const begun = Machine.begin(3, equals)
  const ada = (space: string, isAhead = false, perishable = false): Machine.Sent<Credential> => ({
    space,
    credential: { space, name: "ada" },
    ahead: isAhead,
    perishable
  })
  const offers = [{ space: "Digest a" }, { space: "Basic a" }]

  it("delivers what cannot be answered, counting the refusal and no round", () => {
    const step = Machine.challenged(begun, [], ada("Basic a"), false)
    assert.deepStrictEqual([step.move, step.forgets], [{ _tag: "Deliver" }, true])
    assert.strictEqual(Machine.failures(step.challenges, "Basic a"), 1)
    assert.strictEqual(step.challenges.rounds, 0)
  })

  it("holds a challenge of another space against nothing that was sent ahead", () => {
    const step = Machine.challenged(begun, offers, ada("Basic z", true), false)
    assert.isFalse(step.forgets)
    assert.isFalse(Machine.wasRefused(step.challenges, "Basic z", ada("Basic z").credential))
  })

  it("forgets a stale answer that was sent ahead, and lets its credential be proposed", () => {
    const step = Machine.challenged(begun, offers, ada("Digest a", true, true), false)
    assert.isTrue(step.forgets)
    assert.isFalse(Machine.wasRefused(step.challenges, "Digest a", ada("Digest a").credential))
  })

  it("is a failure only where it was asked for", () => {
    const sentAhead = Machine.challenged(begun, offers, ada("Basic a", true), false)
    assert.strictEqual(Machine.failures(sentAhead.challenges, "Basic a"), 0)
    assert.isTrue(Machine.wasRefused(sentAhead.challenges, "Basic a", ada("Basic a").credential))
  })

  it("ends after its rounds, renewals too", () => {
    let challenges = begun
    for (let round = 0; round < 3; round++) {
      const step = Machine.challenged(challenges, offers, ada("Digest a"), true)
      assert.strictEqual(step.move._tag, "Renew")
      challenges = step.challenges
    }
    assert.strictEqual(Machine.challenged(challenges, offers, ada("Digest a"), true).move._tag, "TooManyRounds")
  })
})
