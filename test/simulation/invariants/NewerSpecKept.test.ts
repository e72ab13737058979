import { assert, describe, it } from "@effect/vitest"
import { seenObject } from "../../../src/kubernetes/SpecDigest.ts"
import { SpecHistory } from "../../../src/simulation/farEnds/SpecHistory.ts"
import { newerSpecKept } from "../../../src/simulation/invariants/NewerSpecKept.ts"
import { app, committed, intended, written } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const deployment = (image: string, uid = "u1") => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: app.name, namespace: app.namespace, uid, resourceVersion: "1" },
  spec: { replicas: 2, template: { image } }
})

const start = () => {
  const specs = new SpecHistory()
  const seen = watch(newerSpecKept, undefined, { farEnds: { cluster: { specs } } })
  const note = (by: "kubernaut" | "somebody", image: string) => specs.note(app, by, deployment(image), 0)
  note("somebody", "bad")
  return {
    reports: seen.reports,
    note,
    investigate: (image: string | undefined) =>
      seen.at(
        0,
        committed("rem-1", {
          _tag: "Investigated",
          ...(image === undefined
            ? {}
            : { seen: { observedAt: "", autoscaled: false, objects: [seenObject(app, deployment(image), false)] } })
        } as never)
      ),
    act: (image: string) => {
      seen.at(0, intended("rem-1", app))
      note("kubernaut", image)
      seen.at(0, written(app, "rem-1-1"))
    }
  }
}

describe("newer-spec-kept", () => {
  it("accepts a write on the spec that was investigated, also after a write of the service", () => {
    const run = start()
    run.investigate("bad")
    run.act("good")
    assert.deepStrictEqual(run.reports, [])
  })

  it("reports a write after a hotfix that the investigation did not see", () => {
    const run = start()
    run.investigate("bad")
    run.note("somebody", "hotfix")
    run.act("good")
    assert.deepStrictEqual(run.reports, [
      "rem-1-1 overwrote a spec of Deployment prod/app-1 that is newer than its investigation"
    ])
  })

  it("accepts a write after a hotfix that was investigated again", () => {
    const run = start()
    run.investigate("bad")
    run.note("somebody", "hotfix")
    run.investigate("hotfix")
    run.act("good")
    assert.deepStrictEqual(run.reports, [])
  })

  it("reports a write without an investigation that saw the object", () => {
    const run = start()
    run.investigate(undefined)
    run.act("good")
    assert.deepStrictEqual(run.reports, ["rem-1-1 wrote to Deployment prod/app-1, which no investigation had seen"])
  })
})
