import { assert, describe, it } from "@effect/vitest"
import { rank, suspectScore } from "../../src/changes/SuspectScore.ts"
import { wasTakenBack } from "../../src/changes/TakenBack.ts"
import { at, created, deleted, modified, own, ref, target } from "./scenes.ts"

const policy = ref("NetworkPolicy", "deny")
const change = modified(target, -60, ["spec", "replicas"], { before: 3, after: 0 })
const back = modified(target, -40, ["spec", "replicas"], { before: 0, after: 3 }, { by: own })

describe("a change that Kubernaut has taken back", () => {
  it("is one of which it has written the same fields, or a part of them", () => {
    assert.isTrue(wasTakenBack(change, [change, back]))
    const whole = modified(target, -60, ["spec"])
    assert.isTrue(wasTakenBack(whole, [whole, modified(target, -40, ["spec", "replicas"], {}, { by: own })]))
  })

  it("is an object that it has removed or created again", () => {
    const added = created(policy, -60)
    assert.isTrue(wasTakenBack(added, [added, deleted(policy, -40, { by: own })]))
  })

  it("is none of which somebody else has written the fields, or Kubernaut other ones, or the same ones before", () => {
    assert.isFalse(wasTakenBack(change, [modified(target, -40, ["spec", "replicas"])]))
    assert.isFalse(wasTakenBack(change, [modified(target, -40, ["spec", "paused"], {}, { by: own })]))
    const again = modified(target, -20, ["spec", "replicas"], { before: 3, after: 0 })
    assert.isFalse(wasTakenBack(again, [change, back, again]))
  })

  it("is no suspect any more, so that nothing is undone and made again in turn", () => {
    const scene = {
      symptom: {
        latestMs: Date.parse(at(0)),
        earliestMs: Date.parse(at(0)),
        onsets: [{ atMs: Date.parse(at(0)), belief: 1 }],
        sinceMs: 0
      },
      seen: { shown: new Set(["absent"] as const), said: new Set([] as const), healthy: false }
    }
    const scoreOf = (takenBack: boolean) =>
      rank([{ change, distance: 0, relation: "is the target", takenBack }], scene)[0]?.score ?? 0
    assert.isAtLeast(scoreOf(false), suspectScore)
    assert.isBelow(scoreOf(true), suspectScore)
  })
})
