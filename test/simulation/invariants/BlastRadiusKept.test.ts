import { assert, describe, it } from "@effect/vitest"
import { blastRadiusKept } from "../../../src/simulation/invariants/BlastRadiusKept.ts"
import { app, intended, reviewed, written } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const minuteMs = 60_000
const named = (name: string, namespace = "prod") => ({ ...app, name, namespace })

const start = () => {
  const seen = watch(blastRadiusKept)
  return {
    ...seen,
    act: (id: string, ref = app, atMs = 0) => seen.at(atMs, intended(id, ref, { atMs }), written(ref, `${id}-1`))
  }
}

describe("blast-radius-kept", () => {
  it("accepts ten actions in a namespace at once and one each minute after that, and reports the eleventh", () => {
    const seen = start()
    for (let count = 1; count <= 10; count++) seen.act(`rem-${count}`, named(`app-${count}`), count)
    seen.act("rem-a", named("app-a"), minuteMs + 10)
    seen.act("rem-b", named("app-b"), 2 * minuteMs + 10)
    assert.deepStrictEqual(seen.reports, [])
    seen.act("rem-c", named("app-c"), 2 * minuteMs + 11)
    assert.deepStrictEqual(seen.reports, ["rem-c-1 is action 13 on namespace prod within 120010 ms"])
  })

  it("reports the twenty-first at once on the cluster, and the fourth on a target", () => {
    const seen = start()
    for (let count = 1; count <= 21; count++) seen.act(`rem-${count}`, named(`app-${count}`, `ns-${count}`))
    assert.deepStrictEqual(seen.reports, ["rem-21-1 is action 21 on the cluster within 0 ms"])
    const target = start()
    for (let count = 1; count <= 4; count++) target.act(`rem-${count}`, app)
    assert.deepStrictEqual(target.reports, ["rem-4-1 is action 4 on Deployment prod/app-1 within 0 ms"])
  })

  it("does not count an action that a person has approved", () => {
    const seen = start()
    for (let count = 1; count <= 10; count++) seen.act(`rem-${count}`, named(`app-${count}`))
    seen.at(0, reviewed("rem-a", "approved"))
    seen.act("rem-a", named("app-a"))
    assert.deepStrictEqual(seen.reports, [])
  })
})
