import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { type RemediationEvent, RemediationId } from "../../src/domain/Remediation.ts"
import { type Seen, seenOf } from "../../src/domain/Seen.ts"
import { targetKey } from "../../src/domain/Target.ts"
import * as Timestamp from "../../src/domain/Timestamp.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { readWorkload } from "../../src/kubernetes/WorkloadReader.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { alert } from "./journals.ts"
import { checkout, hotfix, investigatorOf, rollback, ship } from "./remediating.ts"

const target = { cluster: "dev", ...checkout }
const id = RemediationId.make("rem-old")

/** The journal of a process that ended right after its investigation, or while a person was asked. */
const journalOf = (seen: Seen | undefined, asked: boolean): ReadonlyArray<RemediationEvent> => [
  { _tag: "Started", traceId: "t", spanId: "s", epoch: 1 },
  {
    _tag: "Investigated",
    level: 0,
    hops: [],
    investigation: { investigator: "llm", rootCause: "Old.", evidence: [], action: rollback, confidence: 0.9 },
    ...(seen === undefined ? {} : { seen })
  },
  ...(asked
    ? [
        {
          _tag: "Decided",
          level: 0,
          decision: {
            outcome: "review",
            action: rollback,
            risk: "medium",
            confidence: 0.9,
            reasons: [{ rule: "approve-mode", message: "The mode is approve." }]
          },
          observed: null
        } as const
      ]
    : [])
]

/** Journals what an earlier process did, and starts the next one when `meanwhile` has run. */
const resumed = Effect.fnUntraced(function* (given: {
  readonly sees: boolean
  readonly mode?: "auto" | "approve"
  readonly meanwhile?: (client: KubernetesClient["Service"]) => Effect.Effect<void>
}) {
  const ports = yield* Layer.build(Layer.mergeAll(Sandbox.layer(), Storage.layerMemory))
  const store = Context.get(ports, RemediationStore)
  const client = Context.get(ports, KubernetesClient)
  const mode = given.mode ?? "auto"
  const at = yield* Timestamp.now
  const state = yield* Effect.provide(readWorkload(checkout), ports)
  yield* store.accept([{ id, alert, target, provisional: false }], at)
  const { claim, open } = yield* store.claim(targetKey(target))
  const journal = journalOf(given.sees ? seenOf(state) : undefined, mode === "approve")
  yield* store.append(claim, Option.getOrThrow(open), journal, at)
  if (mode === "approve") yield* store.review(id, { answer: "approved", by: "ada", at }, at)
  yield* given.meanwhile?.(client) ?? Effect.void
  const investigator = investigatorOf(() => rollback)
  const context = yield* Layer.build(
    Kubernaut.layer({ cluster: "dev", mode, investigators: investigator.make as never }).pipe(
      Layer.provide(Layer.succeedContext(ports))
    )
  )
  const ended = yield* Effect.forkChild(Context.get(context, Kubernaut.Kubernaut).settled(id))
  while (ended.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
  const remediation = Option.getOrThrow(yield* Fiber.join(ended))
  return { remediation, asked: investigator.asked.length }
}, Effect.scoped)

describe("after a restart", () => {
  it.effect("a fresh proposal about an unchanged target is carried out without another investigation", () =>
    Effect.map(resumed({ sees: true }), ({ asked, remediation }) =>
      assert.deepStrictEqual([remediation.state, asked], ["Remediated", 0])
    )
  )

  it.effect("a proposal whose target was changed while no process ran is investigated again", () =>
    Effect.map(resumed({ sees: true, meanwhile: ship(hotfix) }), ({ asked }) =>
      // The rollout of the change may continue meanwhile, and then it is investigated once more.
      assert.isAtLeast(asked, 1)
    )
  )

  it.effect("a proposal that is older than its lifetime is investigated again", () =>
    Effect.map(resumed({ sees: true, meanwhile: () => TestClock.adjust("16 minutes") }), ({ asked, remediation }) =>
      assert.deepStrictEqual([remediation.state, asked], ["Remediated", 1])
    )
  )

  it.effect(
    "the journal of an earlier version says not what was seen: it is investigated again, then carried out",
    () =>
      Effect.map(resumed({ sees: false }), ({ asked, remediation }) =>
        assert.deepStrictEqual([remediation.state, asked], ["Remediated", 1])
      )
  )

  it.effect("an approval in the journal of an earlier version shows no figures: the person is asked again", () =>
    Effect.map(resumed({ sees: false, mode: "approve" }), ({ remediation }) => {
      assert.deepStrictEqual([remediation.state, remediation.questions], ["AwaitingReview", 2])
      assert.strictEqual(remediation.decision?.reasons[0]?.rule, "changed-since-approval")
    })
  )
})
