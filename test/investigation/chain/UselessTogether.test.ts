import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { InvestigatorErrorReason } from "../../../src/investigation/Investigator.ts"
import { alert as alertWith, request, target } from "../fixtures/Requests.ts"
import { chainOf, error, rules, scripted, succeeds, withTime } from "../fixtures/ScriptedChain.ts"

const failing = (reason: InvestigatorErrorReason) => Effect.fail(error(reason, false, false))
/** HTTP 400 `Invalid model name`, of a gateway that is behind both. */
const rejected = failing({ _tag: "BadRequest" })
const refused = failing({ _tag: "Refused" })
const garbage = failing({ _tag: "InvalidAnswer", problem: "the answer does not match the schema" })

const made = Effect.gen(function* () {
  const [a, b] = [scripted("llm", refused, { provider: "a" }), scripted("llm", refused, { provider: "b" })]
  const chain = yield* chainOf([a, b, rules()], { pipeline: () => ({ retry: false }) })
  return {
    a,
    b,
    chain,
    both: (behaviour: typeof a.behaviour) => {
      a.behaviour = behaviour
      b.behaviour = behaviour
    },
    /** How the models end for an alert. */
    alert: (namespace: string, name: string) =>
      Effect.map(withTime(chain.investigate(request({ target: { ...target, namespace, name } }))), ({ hops }) =>
        hops.slice(0, 2).map(({ outcome, reason = "" }) => `${outcome} ${reason}`.trim())
      ),
    calls: () => [a.calledAtMs.length, b.calledAtMs.length],
    states: Effect.forEach(chain.tiers.slice(0, 2), ({ circuitBreaker }) =>
      Effect.map(circuitBreaker!.state, ({ _tag }) => _tag)
    )
  }
})

const outOfNoUse = ["skipped of-no-use", "skipped of-no-use"]

describe("two providers of no use", () => {
  for (const [what, behaviour] of [
    ["reject", rejected],
    ["refuse", refused]
  ] as const)
    it.effect(`that ${what} the alerts of sixty namespaces get five calls each until both are out`, () =>
      Effect.gen(function* () {
        const { alert, both, calls } = yield* made
        both(behaviour)
        for (let index = 0; index < 60; index++) yield* alert(`team-${index}`, "w")
        assert.deepStrictEqual(calls(), [5, 5])
        assert.deepStrictEqual(yield* alert("shop", "checkout"), outOfNoUse)
      })
    )

  it.effect("that answer again are in use again, and what they had refused counts from the beginning", () =>
    Effect.gen(function* () {
      const { alert, both, states } = yield* made
      for (let index = 0; index < 5; index++) yield* alert(`team-${index}`, "w")
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(yield* states, ["HalfOpen", "HalfOpen"])
      // Those who have put them out cannot keep them out.
      for (let index = 0; index < 20; index++) yield* alert(`team-${index % 5}`, `w${index}`)
      assert.deepStrictEqual(yield* states, ["HalfOpen", "HalfOpen"])
      both(succeeds)
      for (let index = 0; index < 3; index++) yield* alert("shop", `w${index}`)
      assert.deepStrictEqual(yield* states, ["Closed", "HalfOpen"])
      both(refused)
      yield* TestClock.adjust("10 minutes")
      for (let index = 0; index < 4; index++) yield* alert(`team-${index}`, "w")
      assert.strictEqual((yield* states)[0], "Closed")
      yield* alert("team-4", "w")
      assert.deepStrictEqual(yield* states, ["Open", "Open"])
    })
  )

  it.effect("that give malformed answers to everybody get five calls each, each time that they are tried", () =>
    Effect.gen(function* () {
      const { alert, both, calls } = yield* made
      both(garbage)
      for (const most of [5, 10, 15, 20]) {
        for (let index = 0; index < 60; index++) yield* alert(`team-${index % 6}`, `w${index % 10}`)
        assert.deepStrictEqual(calls(), [most, most])
        yield* TestClock.adjust("30 seconds")
      }
    })
  )

  it.effect("of which one gives malformed answers and the other refuses get five calls each", () =>
    Effect.gen(function* () {
      const { a, alert, calls } = yield* made
      a.behaviour = garbage
      for (let index = 0; index < 60; index++) yield* alert(`team-${index}`, "w")
      assert.deepStrictEqual(calls(), [5, 5])
    })
  )
})

describe("two providers that decline what one tenant writes", () => {
  for (const [what, behaviour] of [
    ["reject", rejected],
    ["refuse", refused]
  ] as const) {
    it.effect(`stay in use, if they ${what} a hundred alerts of its namespace and get no others`, () =>
      Effect.gen(function* () {
        const { alert, both, calls, states } = yield* made
        both(behaviour)
        for (let index = 0; index < 100; index++) yield* alert("tenant", `w${index}`)
        assert.deepStrictEqual(calls(), [100, 100])
        assert.deepStrictEqual(yield* states, ["Closed", "Closed"])
        both(succeeds)
        assert.deepStrictEqual(yield* alert("shop", "checkout"), ["answered"])
      })
    )

    it.effect(`stay in use, if they ${what} its alerts between those of others that one of them answers`, () =>
      Effect.gen(function* () {
        const { alert, both, states } = yield* made
        for (let index = 0; index < 50; index++) {
          both(behaviour)
          yield* alert("tenant", `w${index}`)
          both(succeeds)
          assert.deepStrictEqual((yield* alert(`team-${index}`, "w"))[0], "answered")
        }
        assert.deepStrictEqual(yield* states, ["Closed", "Closed"])
      })
    )
  }

  it.effect("are out once in ten minutes, if its alerts get malformed answers and come before all others", () =>
    Effect.gen(function* () {
      const { alert, both, states } = yield* made
      const outs: Array<number> = []
      for (let round = 0; round < 40; round++) {
        both(garbage)
        const before = yield* states
        for (let index = 0; index < 5; index++) yield* alert("tenant", `w${5 * round + index}`)
        if (before[0] !== "Open" && (yield* states)[0] === "Open") outs.push(round / 2)
        both(succeeds)
        yield* alert("shop", "checkout")
        yield* TestClock.adjust("30 seconds")
      }
      assert.deepStrictEqual(outs, [0, 10])
    })
  )

  for (const kind of ["Node", "PersistentVolume"])
    for (const [what, behaviour, rounds] of [
      ["refused", refused, []],
      ["malformed", garbage, [0, 20]]
    ] as const)
      it.effect(
        `leave others without a model in ${rounds.length} of 40 rounds of ${what} answers about a ${kind}`,
        () =>
          Effect.gen(function* () {
            const { alert, both, chain } = yield* made
            const labels = { alertname: "KubeNodeNotReady", namespace: "tenant" }
            const without: Array<number> = []
            for (let round = 0; round < 40; round++) {
              both(behaviour)
              for (let index = 0; index < 5; index++) {
                const volume = { ...target, kind, namespace: "", name: `v-${5 * round + index}` }
                yield* withTime(chain.investigate(request({ alert: alertWith({ labels }), target: volume })))
              }
              both(succeeds)
              if ((yield* alert("shop", `c${round}`)).every((hop) => hop.startsWith("skipped"))) without.push(round)
              yield* TestClock.adjust("30 seconds")
            }
            assert.deepStrictEqual(without, [...rounds])
          })
      )

  it.effect("stay in use, if it has twenty namespaces and others are answered between the refusals", () =>
    Effect.gen(function* () {
      const { alert, both, states } = yield* made
      for (let index = 0; index < 20; index++) {
        both(refused)
        assert.deepStrictEqual(yield* alert(`tenant-${index}`, "w"), ["failed refused", "failed refused"])
        both(succeeds)
        // The second one answers nothing in all that time: the first one does.
        if (index % 4 === 3) yield* alert("shop", "checkout")
      }
      assert.deepStrictEqual(yield* states, ["Closed", "Closed"])
    })
  )
})
