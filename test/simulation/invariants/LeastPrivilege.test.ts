import { assert, describe, it } from "@effect/vitest"
import type { Mode } from "../../../src/domain/Mode.ts"
import { leastPrivilege } from "../../../src/simulation/invariants/LeastPrivilege.ts"
import type { Observation } from "../../../src/simulation/observation/Observation.ts"
import { watch } from "../fixtures/Watching.ts"

const booted = (number: number, mode: Mode): Observation => ({
  _tag: "ProcessBooted",
  process: "service",
  number,
  mode
})
const asked = (process: number, verb: string, about: string): Observation => ({
  _tag: "RequestBegan",
  request: { work: { verb, about }, process, number: 1, asked: 1 }
})

describe("least-privilege", () => {
  it("reports a request that no role grants, once", () => {
    const seen = watch(leastPrivilege)
    seen.at(
      1,
      booted(1, "auto"),
      asked(1, "delete", "Pod p"),
      asked(1, "delete", "Pod q"),
      asked(1, "list", "Namespace ")
    )
    assert.deepStrictEqual(seen.reports, [
      "the service asks to delete pods, which the role kubernaut-act does not grant",
      "the service asks to list namespaces, which the role kubernaut-act does not grant"
    ])
  })

  it("reports a write, and a dry run, of a process in mode observe", () => {
    const seen = watch(leastPrivilege)
    seen.at(1, booted(1, "auto"), booted(2, "observe"), asked(2, "create", "Pod p"), asked(1, "create", "Pod p"))
    assert.deepStrictEqual(seen.reports, [
      "the service asks to create pods, which the role kubernaut-observe does not grant"
    ])
  })

  it("accepts reads, logs, evictions, probes and questions about the own rights", () => {
    const seen = watch(leastPrivilege)
    seen.at(
      1,
      booted(1, "auto"),
      asked(1, "logs", "Pod p"),
      asked(1, "evict", "Pod p"),
      asked(1, "probe", " "),
      asked(1, "review", "Deployment "),
      asked(1, "patch", "Deployment d")
    )
    assert.deepStrictEqual(seen.reports, [])
  })
})
