import { assert, describe, it } from "@effect/vitest"
import { SpecHistory } from "../../../src/simulation/farEnds/SpecHistory.ts"
import { onlyOwnEffectsCredited } from "../../../src/simulation/invariants/OnlyOwnEffectsCredited.ts"
import { accepted, app, committed, intended } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const deployment = (image: string) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: app.name, namespace: app.namespace, uid: "u1", resourceVersion: "1" },
  spec: { replicas: 2, template: { image } }
})

type Written = readonly [by: "kubernaut" | "somebody", image: string, atMs: number]

/** An action that is intended at 10 ms, and called a fix by a read at 100 ms. */
const reportsAfter = (...writes: ReadonlyArray<Written>): ReadonlyArray<string> => {
  const specs = new SpecHistory()
  const seen = watch(onlyOwnEffectsCredited, undefined, { farEnds: { cluster: { specs, readAtMs: () => 100 } } })
  specs.note(app, "somebody", deployment("bad"), 0)
  seen.at(0, accepted("rem-1", app))
  seen.at(10, intended("rem-1", app))
  for (const [by, image, atMs] of writes) specs.note(app, by, deployment(image), atMs)
  seen.at(101, committed("rem-1", { _tag: "Verified", verification: { verdict: "fixed" } } as never))
  return seen.reports
}

describe("only-own-effects-credited", () => {
  const good: Written = ["kubernaut", "good", 20]
  const accepts: ReadonlyArray<readonly [claim: string, writes: ReadonlyArray<Written>]> = [
    ["a spec that the action left", [good]],
    ["an action that writes no spec", []],
    ["a spec that somebody put back as the action left it", [good, ["somebody", "x", 30], ["somebody", "good", 40]]],
    ["a hotfix after the last read", [good, ["somebody", "hotfix", 100]]]
  ]
  it.each(accepts)("accepts %s", (_claim, writes) => assert.deepStrictEqual(reportsAfter(...writes), []))

  const reports: ReadonlyArray<readonly [claim: string, writes: ReadonlyArray<Written>]> = [
    ["a hotfix after the write", [good, ["somebody", "hotfix", 30]]],
    ["a hotfix after an action that writes no spec", [["somebody", "hotfix", 30]]]
  ]
  it.each(reports)("reports %s", (_claim, writes) =>
    assert.deepStrictEqual(reportsAfter(...writes), [
      "remediation rem-1 said that its action fixed Deployment prod/app-1, whose spec somebody else has changed since"
    ])
  )
})
