import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import type { DegradationLevel } from "../../src/domain/DegradationLevel.ts"
import type { RemediationEvent } from "../../src/domain/Remediation.ts"
import { HeldBack, type HeldBackQuery } from "../../src/storage/HeldBack.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import {
  concluded,
  decided,
  deployment,
  executed,
  intended,
  minute,
  newAlert,
  remediationId,
  started,
  take,
  verified
} from "./Incident.ts"

const at = (level: DegradationLevel, more: Partial<HeldBackQuery> = {}): HeldBackQuery => ({
  cluster: "test",
  level,
  firedSince: minute(-60),
  ...more
})

/** The last decision about an alert: at which level, by which rule. */
const decision = (name: string, level: DegradationLevel, rule: string): RemediationEvent => {
  const event = decided(deployment(name), rule === "level" ? "review" : "escalate")
  if (event._tag !== "Decided") throw new Error("not a decision")
  return { ...event, level, decision: { ...event.decision, reasons: [{ rule, message: rule }] } }
}

/** An alert about a Deployment, whose remediation was escalated after a decision. */
const escalated = Effect.fnUntraced(function* (
  name: string,
  level: DegradationLevel,
  rule = "emergency-level",
  severity: "critical" | "warning" = "warning"
) {
  const store = yield* RemediationStore
  yield* store.accept([newAlert(name, name, deployment(name), { severity })], minute(0))
  const { claim, remediation } = yield* take(deployment(name))
  const events = [started, decision(name, level, rule), concluded("Escalated")]
  yield* store.append(claim, remediation, events, minute(1))
})

const waiting = (query: HeldBackQuery) => Effect.flatMap(HeldBack, (heldBack) => heldBack.waiting(query, 10))

const next = (query: HeldBackQuery) => Effect.map(waiting(query), ([first]) => first)

const takeUp = (name: string, query: HeldBackQuery) =>
  Effect.flatMap(HeldBack, (heldBack) =>
    Effect.map(heldBack.takeUp(remediationId(name), query, minute(10)), Option.getOrUndefined)
  )

const resolve = (name: string) =>
  Effect.flatMap(RemediationStore, (store) =>
    store.resolve([{ cluster: "test", fingerprint: name, startsAt: minute(0), endsAt: minute(5) }], minute(5))
  )

const check = <E>(claim: string, body: Effect.Effect<void, E, Storage.Services>) =>
  it.effect(claim, () => Effect.provide(body, Storage.layerMemory))

describe("an alert that the level has held back", () => {
  for (const [rule, level, better, worse] of [
    ["emergency-level", 3, [0, 1, 2], [3]],
    ["level", 2, [0, 1], [2, 3]],
    ["no-investigation", 2, [0, 1], [2, 3]],
    ["notify", 1, [0], [1, 2, 3]]
  ] as const)
    check(
      `by the rule ${rule} at level ${level} waits at a better level, and at no other`,
      Effect.gen(function* () {
        yield* escalated("a", level, rule)
        for (const each of better) assert.strictEqual(yield* next(at(each)), remediationId("a"), `level ${each}`)
        for (const each of worse) assert.isUndefined(yield* next(at(each)), `level ${each}`)
      })
    )

  check(
    "is taken up once, by a remediation that the next post is a repeat of",
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* escalated("a", 3)
      const taken = yield* takeUp("a", at(0))
      assert.strictEqual(taken?.ended.handedOverTo, remediationId("a.2"))
      assert.isUndefined(yield* takeUp("a", at(0)))
      assert.isUndefined(yield* next(at(0)))
      const begun = Option.getOrThrow(yield* store.get(remediationId("a.2")))
      assert.deepStrictEqual([begun.state, begun.continues], ["Received", remediationId("a")])
      const [repeat] = yield* store.accept([newAlert("b", "a", deployment("a"))], minute(20))
      assert.deepInclude(repeat, { status: "duplicate", remediationId: remediationId("a.2") })
    })
  )

  check(
    "waits no more once it has resolved, or once its sender has been silent for too long",
    Effect.gen(function* () {
      yield* escalated("a", 3)
      assert.isUndefined(yield* next(at(0, { firedSince: minute(1) })))
      yield* resolve("a")
      assert.isUndefined(yield* next(at(0)))
      assert.isUndefined(yield* takeUp("a", at(0)))
    })
  )

  check(
    "waits while its target is worked on",
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* escalated("a", 3)
      yield* store.accept([newAlert("other", "other", deployment("a"))], minute(5))
      assert.isUndefined(yield* next(at(0)))
      const { claim, remediation } = yield* take(deployment("a"))
      yield* store.append(claim, remediation, [started, concluded("Escalated")], minute(6))
      assert.strictEqual(yield* next(at(0)), remediationId("a"))
    })
  )

  check(
    "goes by severity, and then by age, and another cluster's never",
    Effect.gen(function* () {
      yield* escalated("a", 3)
      yield* escalated("b", 3, "emergency-level", "critical")
      yield* escalated("c", 3, "emergency-level", "critical")
      assert.deepStrictEqual(yield* waiting(at(0)), ["b", "c", "a"].map(remediationId))
      for (const name of ["b", "c", "a"]) yield* takeUp(name, at(0))
      assert.deepStrictEqual(yield* waiting(at(0)), [])
      yield* escalated("d", 3)
      assert.isUndefined(yield* next(at(0, { cluster: "prod" })))
    })
  )
})

describe("an alert that was escalated for another reason", () => {
  for (const rule of ["cooldown", "rejected", "protected-namespace", "emergency-stop"])
    check(
      `does not wait: ${rule}`,
      Effect.gen(function* () {
        yield* escalated("a", 3, rule)
        assert.isUndefined(yield* next(at(0)))
      })
    )

  check(
    "does not wait if its level was full, or if an action followed the decision",
    Effect.gen(function* () {
      yield* escalated("a", 0, "no-investigation")
      assert.isUndefined(yield* next(at(0)), "no level was too low")
      const store = yield* RemediationStore
      yield* store.accept([newAlert("b", "b", deployment("b"))], minute(0))
      const { claim, remediation } = yield* take(deployment("b"))
      const acted = [intended(deployment("b"), "1"), executed("1"), verified("unknown"), concluded("Escalated")]
      yield* store.append(claim, remediation, [started, decision("b", 2, "level"), ...acted], minute(1))
      assert.isUndefined(yield* next(at(0)), "something was written")
    })
  )
})
