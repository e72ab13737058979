/** A dead watch counts as watched for a while. What it may hide beside one suspect. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { ChangeJournal, layerMemory } from "../../src/changes/ChangeJournal.ts"
import { lateMs } from "../../src/changes/Confirmation.ts"
import { WatchProgress } from "../../src/changes/WatchProgress.ts"
import type { Suspects } from "../../src/domain/Suspects.ts"
import { byChange } from "../../src/investigation/rules/SuspectedChange.ts"
import { requestOf } from "../investigation/fixtures/ChangedScenes.ts"
import { about } from "../investigation/fixtures/ChangeFaults.ts"
import { find } from "./finding.ts"
import { deployment, object, refTo, service } from "./objects.ts"
import { alert, at, created, minutes, modified, state } from "./scenes.ts"

const broken = service("checkout", { app: "x" })
const selector = (seconds: number) =>
  modified(refTo("Service", "checkout"), seconds, ["spec", "selector", "app"], { before: "checkout", after: "x" })
const deny = object("NetworkPolicy", "deny", { spec: { podSelector: {} } })
const denied = created(refTo("NetworkPolicy", "deny"), -5)

interface Dead {
  /** When the watch of NetworkPolicies was last heard. */
  readonly heard: number
  /** Whether the API server shows within the time what that watch has missed. */
  readonly arrives?: boolean
}

/** A journal in which the watch of NetworkPolicies is dead. */
const journalWith = (suspect: ReturnType<typeof selector>, { arrives = false, heard }: Dead) => {
  const asked: Array<readonly [until: string, mostMs: number | undefined]> = []
  const progress = new WatchProgress(["NetworkPolicy"])
  progress.caughtUp("NetworkPolicy", at(heard))
  let changes = [suspect]
  const layer = Layer.effect(
    ChangeJournal,
    Effect.map(ChangeJournal, (journal) => ({
      ...journal,
      list: (query) =>
        Effect.map(journal.list(query), (all) => all.filter(({ id }) => changes.some((each) => each.id === id))),
      confirm: (_kinds, until, mostMs = 2600) =>
        Effect.gen(function* () {
          if (progress.isConfirmed("NetworkPolicy", until, lateMs)) return []
          asked.push([until, mostMs])
          if (!arrives) yield* Effect.sleep(mostMs)
          else changes = [suspect, denied]
          return arrives ? [] : [progress.unconfirmed("NetworkPolicy")]
        })
    }))
  ).pipe(Layer.provide(layerMemory({ changes: [suspect, denied], objects: [broken, deny] })))
  return { asked, layer }
}

const found = (seconds: number, dead: Dead) =>
  Effect.gen(function* () {
    const { asked, layer } = journalWith(selector(seconds), dead)
    const finding = yield* Effect.forkChild(
      find(
        { layer },
        { objects: [deployment("checkout"), broken, deny] },
        alert("HighErrorRate"),
        state({ endpoints: 0 })
      )
    )
    yield* TestClock.adjust("3 seconds")
    return { asked, suspects: yield* Fiber.join(finding) }
  })

const ruleFor = (suspects: Suspects) =>
  byChange({
    ...requestOf({ alert: about("HighErrorRate"), candidates: [], observed: state({ endpoints: 0 }) }),
    suspects
  })?.rule

describe("one suspect beside a watch that is dead and counts as watched", () => {
  it.effect("needs a person where it is old: what was missed may be closer to the symptom", () =>
    Effect.gen(function* () {
      const { asked, suspects } = yield* found(-minutes(22), { heard: -100 })
      assert.strictEqual(suspects.finding, "one")
      assert.deepStrictEqual(suspects.gaps, [
        { kind: "NetworkPolicy", from: at(-100), to: null, reason: "unavailable" }
      ])
      assert.strictEqual(ruleFor(suspects), "suspect-needs-person")
      assert.deepStrictEqual(asked, [[at(0), 2600]])
    })
  )

  it.effect("is not the only one where the API server shows in time what was missed", () =>
    Effect.gen(function* () {
      const { suspects } = yield* found(-minutes(22), { heard: -100, arrives: true })
      assert.strictEqual(suspects.ranked[0]?.change.id, denied.id)
      assert.deepStrictEqual(suspects.gaps, [])
    })
  )

  it.effect("is taken back, and nothing is asked, where it is close and bookmarks are not overdue", () =>
    Effect.gen(function* () {
      const { asked, suspects } = yield* found(-20, { heard: -60 })
      assert.deepStrictEqual([suspects.finding, suspects.gaps, asked], ["one", [], []])
      assert.strictEqual(ruleFor(suspects), "undo-suspected-change")
    })
  )

  it.effect("needs a person where it is close and bookmarks are overdue", () =>
    Effect.gen(function* () {
      const { suspects } = yield* found(-20, { heard: -100 })
      assert.strictEqual(ruleFor(suspects), "suspect-needs-person")
    })
  )
})
