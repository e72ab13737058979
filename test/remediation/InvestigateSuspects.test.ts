import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Latch, Option, Schema } from "effect"
import { SuspectFinder, type SuspectRequest } from "../../src/changes/SuspectFinder.ts"
import type { DegradationLevel } from "../../src/domain/DegradationLevel.ts"
import type { ObjectChange } from "../../src/domain/ObjectChange.ts"
import type { PastAction } from "../../src/domain/PastAction.ts"
import { begin, evolve, RemediationEvent, RemediationId } from "../../src/domain/Remediation.ts"
import type { Suspects } from "../../src/domain/Suspects.ts"
import { targetKey } from "../../src/domain/Target.ts"
import { Degradation } from "../../src/health/Degradation.ts"
import { InvestigationChain } from "../../src/investigation/InvestigationChain.ts"
import type { InvestigationRequest } from "../../src/investigation/Investigator.ts"
import * as Investigate from "../../src/remediation/stages/Investigate.ts"
import { ActionHistory } from "../../src/storage/ActionHistory.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import { StorageError } from "../../src/storage/StorageError.ts"
import { alert, at, modified, ref, state, target } from "../changes/scenes.ts"

const secret = "hunter2-hunter2"

const change: ObjectChange = modified(
  target,
  -20,
  [
    "spec",
    "template",
    "spec",
    "containers",
    { by: "name", value: "app" },
    "env",
    { by: "name", value: "DB_PASSWORD" },
    "value"
  ],
  {
    before: secret,
    after: "x".repeat(5000)
  }
)

const suspects: Suspects = {
  finding: "several",
  ranked: Array.from({ length: 15 }, () => ({
    change: change.ref.kind === "Deployment" ? change : { ...change, ref: ref("Deployment", "other") },
    score: 0.9,
    distance: 0,
    relation: "is the target",
    reasons: ["It was made 20 s before the first symptom."]
  })),
  symptomAt: at(0),
  since: at(-3600),
  gaps: [],
  unread: []
}

const remediation = begin(
  RemediationId.make("rem-1"),
  { _tag: "Accepted", alert: alert("KubePodCrashLooping"), target: { cluster: "dev", ...target }, provisional: false },
  at(0)
)

const past: PastAction = {
  remediationId: RemediationId.make("rem-0"),
  action: "RestartWorkload",
  at: at(-600),
  applied: "yes",
  verdict: "not-fixed"
}

const firing = { from: at(-900), to: at(-300) }

/** The events that the stage journals, and what it asked. */
const investigate = (
  finder: Option.Option<SuspectFinder["Service"]>,
  ofTarget: ActionHistory["Service"]["ofTarget"] = () => Effect.succeed([past]),
  level: DegradationLevel = 0
) =>
  Effect.gen(function* () {
    const events: Array<RemediationEvent> = []
    const asked: Array<InvestigationRequest> = []
    const services = Context.empty().pipe(
      Context.add(RemediationStore, {
        joinedAlerts: () => Effect.succeed([]),
        earlierFirings: () => Effect.succeed({ firings: [firing], cutAt: at(-900) })
      } as unknown as RemediationStore["Service"]),
      Context.add(InvestigationChain, {
        investigate: (request: InvestigationRequest) => {
          asked.push(request)
          return Effect.succeed({ hops: [] })
        }
      } as unknown as InvestigationChain["Service"]),
      Context.add(ActionHistory, { ofTarget } as unknown as ActionHistory["Service"]),
      Context.add(Degradation, { current: Effect.succeed({ level }) } as unknown as Degradation["Service"])
    )
    const stage = Investigate.make(
      (_claim, self, written) => {
        events.push(...written)
        return Effect.succeed(self)
      },
      () => Effect.succeed(state()),
      () => Effect.never
    )
    const run = yield* Effect.provideContext(
      stage,
      Option.match(finder, {
        onNone: () => services,
        onSome: (service) => Context.add(services, SuspectFinder, service)
      })
    )
    yield* run({} as never, remediation, yield* Latch.make())
    return { asked, events }
  })

describe("an investigation", () => {
  it.effect("gets the suspects, and journals at most ten of them, without secrets and long values", () =>
    Effect.gen(function* () {
      const requests: Array<SuspectRequest> = []
      const { asked, events } = yield* investigate(
        Option.some({
          suspectsOf: (request) => {
            requests.push(request)
            return Effect.succeed(suspects)
          }
        })
      )
      assert.strictEqual(requests[0]?.alert.name, "KubePodCrashLooping")
      assert.deepStrictEqual([requests[0]?.firings, requests[0]?.firingsCutAt], [[firing], at(-900)])
      assert.strictEqual(asked[0]?.suspects?.ranked.length, 15)
      const [event] = events
      assert.strictEqual(event?._tag, "Investigated")
      const text = JSON.stringify(event)
      assert.notInclude(text, secret)
      assert.isBelow(text.length, 12_000)
      const decoded = yield* Schema.decodeUnknownEffect(RemediationEvent)(JSON.parse(text))
      const after = evolve(remediation, decoded, at(1))
      assert.strictEqual(after.suspects?.ranked.length, 10)
      assert.strictEqual(after.suspects?.finding, "several")
      assert.strictEqual(after.suspects?.ranked[0]?.change.id, change.id)
    })
  )

  it.effect("has no suspects where changes are not recorded, and its event is that of earlier versions", () =>
    Effect.gen(function* () {
      const { asked, events } = yield* investigate(Option.none())
      assert.notProperty(asked[0], "suspects")
      assert.notProperty(events[0], "suspects")
      const before = evolve(remediation, { _tag: "Investigated", level: 0, hops: [], suspects }, at(1))
      assert.notProperty(evolve(before, { _tag: "Investigated", level: 0, hops: [] }, at(2)), "suspects")
    })
  )

  it.effect("gets the earlier actions on the target, and what they came to, in the full context of level 0 alone", () =>
    Effect.gen(function* () {
      const targets: Array<string> = []
      const { asked } = yield* investigate(Option.none(), (key, limit) => {
        targets.push(`${key} ${limit}`)
        return Effect.succeed([past])
      })
      assert.deepStrictEqual(asked[0]?.history, [past])
      assert.deepStrictEqual(targets, [`${targetKey({ cluster: "dev", ...target })} 10`])
      for (const level of [1, 2] as const)
        assert.notProperty((yield* investigate(Option.none(), undefined, level)).asked[0], "history")
    })
  )

  it.effect("is made without them where they cannot be read", () =>
    Effect.gen(function* () {
      const unread = new StorageError({ operation: "ofTarget", reason: "busy", retryable: true, committed: "no" })
      for (const end of [Effect.fail(unread), Effect.die("broken")]) {
        const { asked } = yield* investigate(Option.none(), () => end)
        assert.lengthOf(asked, 1)
        assert.notProperty(asked[0], "history")
      }
    })
  )
})
