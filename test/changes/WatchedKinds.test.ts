import { assert, describe, it } from "@effect/vitest"
import { suspectKinds } from "../../src/changes/SuspectFinder.ts"
import { watchedKinds } from "../../src/changes/WatchedKinds.ts"
import { kindsOf } from "../../src/domain/Action.ts"

describe("the kinds that are watched", () => {
  it.each(suspectKinds)("include %s, which may be the cause of an alert", (kind) => {
    assert.include(watchedKinds, kind)
  })

  it.each(kindsOf.RestoreObject ?? [])("include %s, which may be restored", (kind) => {
    assert.include(watchedKinds, kind)
  })
})
