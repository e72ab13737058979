import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { load } from "../../../src/cli/settings/Configuration.ts"
import * as Faults from "../../../src/simulation/faults/Faults.ts"
import { kinds, type Place, problems } from "../../../src/simulation/injection/Injectable.ts"

const sandbox: Place = { mode: "auto", clusterName: "sandbox", isReal: false, models: ["holmesgpt", "llm:main"] }
const real: Place = { ...sandbox, clusterName: "prod", isReal: true }

const problem = (requested: Parameters<typeof problems>[0][number], place = sandbox): string =>
  problems([requested], place).join("\n")

describe("what may be injected", () => {
  it("is every kind that only disturbs requests, on the sandbox", () => {
    assert.isAbove(kinds.length, 25)
    assert.deepStrictEqual(
      problems(
        kinds.map(({ name }) => name),
        sandbox
      ),
      []
    )
  })

  it("is no kind that ends the process, moves the clock, breaks the disk, invents alerts or writes to the cluster: each is refused with a reason", () => {
    const reasons = new Map(
      Faults.all.filter(({ disturb }) => disturb === undefined).map(({ name }) => [name, problem(name)] as const)
    )
    for (const [name, reason] of reasons)
      assert.match(reason, new RegExp(`^${name} works only in the simulator: .+ Allowed are `), name)
    assert.match(reasons.get("process-crash") ?? "", /ends or pauses the process/)
    assert.match(reasons.get("process-two-owners") ?? "", /process/)
    assert.match(reasons.get("intake-storm-1000") ?? "", /invents alerts/)
    assert.match(reasons.get("wall-clock-jump") ?? "", /clock of the whole machine/)
    assert.match(reasons.get("storage-full") ?? "", /202/)
    assert.match(reasons.get("kubernetes-deletion") ?? "", /writes to the cluster/)
  })

  it("is no unknown kind, no model fault without models, no unknown peer, and no kind with wrong parameters", () => {
    assert.match(problem("network-latncy"), /there is no fault network-latncy; allowed are .*network-latency/)
    assert.match(problem("refusal", { ...sandbox, models: [] }), /none is configured/)
    assert.match(
      problem({ kind: "service-down", parameters: { peers: ["llm:other"] } }),
      /llm:other, which is not configured; there are holmesgpt, llm:main/
    )
    assert.match(problem({ kind: "service-down", parameters: { peers: ["cluster"] } }), /wrong|not configured/)
    assert.match(
      problem({ kind: "kubernetes-unavailable", parameters: { share: "all" } }),
      /parameters of kubernetes-unavailable are wrong/
    )
    assert.match(
      problem({ kind: "kubernetes-unavailable", parameters: { share: 1, more: 1 } }),
      /parameters of kubernetes-unavailable are wrong/
    )
    assert.strictEqual(
      problem({ kind: "network-latency", parameters: { peers: ["cluster", "llm:main"], mostMs: 5 } }),
      ""
    )
  })

  it("needs mode observe or permission by the cluster's name on a real cluster", () => {
    for (const mode of ["approve", "auto"]) {
      assert.match(
        problem("rate-limited", { ...real, mode }),
        /the cluster is real and the mode is .*KUBERNAUT_FAULT_CLUSTER/
      )
      assert.match(problem("rate-limited", { ...real, mode, allowedOn: "staging" }), /the cluster is real/)
      assert.strictEqual(problem("rate-limited", { ...real, mode, allowedOn: "prod" }), "")
    }
    assert.strictEqual(problem("rate-limited", { ...real, mode: "observe" }), "")
  })

  it("is no false answer on a real cluster in a mode that acts, even with permission", () => {
    for (const kind of [
      "nonsense-answer",
      "prompt-injection",
      "missing-resource",
      "kubernetes-stale-read",
      "kubernetes-nonsense"
    ]) {
      assert.match(problem(kind, { ...real, allowedOn: "prod" }), /mode observe only/, kind)
      assert.strictEqual(problem(kind, { ...real, mode: "observe" }), "", kind)
      assert.strictEqual(problem(kind), "", kind)
    }
  })

  it.effect("is checked when the settings are read, in either form, and the setting is named", () =>
    Effect.gen(function* () {
      const read = (environment: Readonly<Record<string, string>>) =>
        Effect.match(load({ environment, terminal: false }), {
          onFailure: (error) => error.problems.map(({ key, message }) => `${key} ${message}`),
          onSuccess: ({ faultInjection }) => faultInjection
        })
      assert.deepStrictEqual(yield* read({}), [])
      assert.deepStrictEqual(yield* read({ KUBERNAUT_FAULT_INJECTION: "network-latency, kubernetes-gone" }), [
        "network-latency",
        "kubernetes-gone"
      ])
      const whole = [{ kind: "kubernetes-gone", parameters: { share: 1 } }]
      assert.deepStrictEqual(yield* read({ KUBERNAUT_FAULT_INJECTION: JSON.stringify(whole) }), whole as never)
      const [wrong] = yield* read({ KUBERNAUT_FAULT_INJECTION: "process-crash" })
      assert.match(String(wrong), /^KUBERNAUT_FAULT_INJECTION process-crash works only in the simulator/)
      const [unasked] = yield* read({
        KUBERNAUT_FAULT_INJECTION: "kubernetes-gone",
        KUBERNAUT_CLUSTER: "kubeconfig",
        KUBERNAUT_MODE: "auto",
        KUBERNAUT_CLUSTER_NAME: "prod"
      })
      assert.match(String(unasked), /^KUBERNAUT_FAULT_INJECTION the cluster is real .* prod$/)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
