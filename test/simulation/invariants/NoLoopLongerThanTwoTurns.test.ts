import { assert, describe, it } from "@effect/vitest"
import { SpecHistory } from "../../../src/simulation/farEnds/SpecHistory.ts"
import { noLoopLongerThanTwoTurns } from "../../../src/simulation/invariants/NoLoopLongerThanTwoTurns.ts"
import { app, intended, reviewed, written } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const deployment = (image: string) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: app.name, namespace: app.namespace, uid: "u1", resourceVersion: "1" },
  spec: { replicas: 2, template: { image } }
})

const start = () => {
  const specs = new SpecHistory()
  const seen = watch(noLoopLongerThanTwoTurns, undefined, { farEnds: { cluster: { specs } } })
  const note = (by: "kubernaut" | "somebody", image: string) => specs.note(app, by, deployment(image), 0)
  note("somebody", "bad")
  return {
    ...seen,
    note,
    act: (id: string, image = "good", type = "RollbackDeployment") => {
      seen.at(0, intended(id, app, { type }))
      note("kubernaut", image)
      seen.at(0, written(app, `${id}-1`))
    }
  }
}

describe("no-loop-longer-than-two-turns", () => {
  it("reports the third time that an action changes what somebody has put back twice", () => {
    const run = start()
    for (const id of ["rem-1", "rem-2"]) {
      run.act(id)
      run.note("somebody", "bad")
    }
    assert.deepStrictEqual(run.reports, [])
    run.act("rem-3", "better")
    assert.deepStrictEqual(run.reports, [
      "rem-3-1 did RollbackDeployment on Deployment prod/app-1 again, which somebody has reverted twice"
    ])
  })

  it("accepts it with an approval, as another action, after our own undo, and after another spec", () => {
    const approved = start()
    const another = start()
    const undone = start()
    const moved = start()
    for (const id of ["rem-1", "rem-2"]) {
      approved.act(id)
      approved.note("somebody", "bad")
      another.act(id)
      another.note("somebody", "bad")
      undone.act(id)
      undone.note("kubernaut", "bad")
      moved.act(id)
      moved.note("somebody", `bad since ${id}`)
    }
    approved.at(0, reviewed("rem-3", "approved"))
    approved.act("rem-3")
    another.act("rem-3", "good", "RestartWorkload")
    undone.act("rem-3")
    moved.act("rem-3")
    for (const { reports } of [approved, another, undone, moved]) assert.deepStrictEqual(reports, [])
  })
})
