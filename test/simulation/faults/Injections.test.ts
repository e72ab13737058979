import { assert, describe, it } from "@effect/vitest"
import * as Faults from "../../../src/simulation/faults/Faults.ts"
import * as Injections from "../../../src/simulation/faults/Injections.ts"

const names = (injection: string) => {
  const found = Injections.byName.get(injection)
  return found === undefined ? [] : Injections.kindsOf([found], Faults.all).map(({ name }) => name)
}

describe("Injections", () => {
  it("are the five of the requirements, by name", () => {
    assert.deepStrictEqual(
      Injections.all.map(({ name }) => name),
      ["service-termination", "network-partition", "resource-exhaustion", "dependency-failure", "security-incident"]
    )
  })

  it("each have a fault that can be injected, or name what is missing", () => {
    for (const { missing, name } of Injections.all) assert.isTrue(names(name).length > 0 || missing !== "", name)
  })

  it("contain the faults that their names promise", () => {
    assert.include(names("service-termination"), "process-crash")
    assert.include(names("network-partition"), "network-partition")
    assert.include(names("resource-exhaustion"), "quota-exhausted")
    assert.include(names("dependency-failure"), "kubernetes-unavailable")
    assert.include(names("security-incident"), "prompt-injection")
    assert.notInclude(names("network-partition"), "process-crash")
  })
})
