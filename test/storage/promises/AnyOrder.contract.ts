/** Any sequence of operations leaves a consistent store. */

import { it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import type { Remediation } from "../../../src/domain/Remediation.ts"
import { targetKey } from "../../../src/domain/Target.ts"
import { RemediationStore } from "../../../src/storage/RemediationStore.ts"
import { assertConsistent } from "../Consistency.ts"
import {
  approval,
  concluded,
  decided,
  deployment,
  executed,
  intended,
  minute,
  newAlert,
  pod,
  started,
  verified
} from "../Incident.ts"
import type { StorageLayer } from "../StorageLayer.ts"

const checkout = deployment("checkout")
const cart = deployment("cart")

const Small = Schema.Literals([0, 1, 2])
const Step = Schema.Union([
  Schema.TaggedStruct("accept", { fingerprint: Small, start: Small, target: Small, provisional: Schema.Boolean }),
  Schema.TaggedStruct("resolve", { fingerprint: Small, start: Small }),
  Schema.TaggedStruct("claim", { target: Small }),
  Schema.TaggedStruct("append", { target: Small, event: Schema.Literals(["start", "ask", "act", "end", "none"]) }),
  Schema.TaggedStruct("retarget", { target: Small, to: Small }),
  Schema.TaggedStruct("review", { target: Small })
])

export const anyOrder = (layer: StorageLayer): void => {
  const targets = [checkout, cart, pod("p")]
  const at = (list: ReadonlyArray<typeof checkout>, index: number) => list[index] ?? checkout

  it.effect.prop(
    "after any sequence of operations, rows, journals, audit lines and counters agree",
    [Schema.Array(Step)],
    ([steps]) =>
      Effect.gen(function* () {
        const store = yield* RemediationStore
        const held = new Map<
          number,
          { claim: { target: ReturnType<typeof targetKey>; epoch: number }; remediation: Remediation | undefined }
        >()
        for (const [index, step] of steps.entries()) {
          const now = minute(index)
          if (step._tag === "accept") {
            const next = newAlert(String(index).padStart(4, "0"), `f${step.fingerprint}`, at(targets, step.target), {
              startsAt: minute(step.start)
            })
            yield* store.accept([next], now)
          } else if (step._tag === "resolve") {
            yield* store.resolve(
              [{ cluster: "test", fingerprint: `f${step.fingerprint}`, startsAt: minute(step.start), endsAt: now }],
              now
            )
          } else if (step._tag === "claim") {
            const { claim, open } = yield* store.claim(targetKey(at(targets, step.target)))
            held.set(step.target, { claim, remediation: Option.getOrUndefined(open) })
          } else if (step._tag === "append") {
            const mine = held.get(step.target)
            if (mine?.remediation === undefined) continue
            const target = at(targets, step.target)
            const events = {
              start: [started],
              ask: [decided(target, "review")],
              act: [intended(target, `e${index}`), executed(`e${index}`), verified("fixed")],
              end: [concluded("Remediated")],
              none: []
            }[step.event]
            const next = yield* Effect.option(store.append(mine.claim, mine.remediation, events, now))
            if (Option.isSome(next)) held.set(step.target, { ...mine, remediation: next.value })
          } else if (step._tag === "retarget") {
            const mine = held.get(step.target)
            if (mine?.remediation !== undefined) {
              yield* Effect.option(store.retarget(mine.claim, mine.remediation, at(targets, step.to), now))
            }
          } else {
            const mine = held.get(step.target)
            if (mine?.remediation !== undefined) yield* Effect.option(store.review(mine.remediation.id, approval, now))
          }
        }
        yield* assertConsistent
      }).pipe(Effect.provide(layer)),
    { arbitrary: { runs: 60 } }
  )
}
