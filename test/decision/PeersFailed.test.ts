import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { decide } from "../../src/decision/Decider.ts"
import { defaults } from "../../src/decision/GuardrailSettings.ts"
import { type Candidate, failedPeers } from "../../src/decision/PeersFailed.ts"
import type { EndedAction } from "../../src/domain/PastAction.ts"
import type { Places } from "../../src/domain/Places.ts"
import { targetKey } from "../../src/domain/Target.ts"
import { fromMillis } from "../../src/domain/Timestamp.ts"
import { failedOn, input, nowMs } from "./situations.ts"

const nowhere: Places = { registries: [], nodes: [], zones: [], pools: [] }
const elsewhere = (name: string) => targetKey({ cluster: "prod", namespace: `ns-${name}`, kind: "Deployment", name })

const candidate = (change: Partial<Candidate> = {}): Candidate => ({
  target: elsewhere("me"),
  action: "RollbackDeployment",
  symptoms: ["CrashLoopBackOff"],
  places: nowhere,
  ...change
})

/** Three actions that failed on targets of other namespaces. */
const three = (change: Partial<EndedAction>): ReadonlyArray<EndedAction> =>
  ["a", "b", "c"].map((name) => failedOn(name, { target: elsewhere(name), ...change }))

const shared = (me: Candidate, ended: ReadonlyArray<EndedAction>) => {
  const found = failedPeers(me, ended, defaults, nowMs)
  return found === undefined ? "none" : `${found.shared}: ${found.symptom}`
}

const registry: Places = { ...nowhere, registries: ["registry.example.com"] }
const zone: Places = { ...nowhere, nodes: ["n1"], zones: ["eu-1a"] }
const pull = ["ImagePullBackOff"]
const crash = ["CrashLoopBackOff"]
const ours = { target: candidate().target }

describe("peers that failed", () => {
  const table: ReadonlyArray<readonly [claim: string, expected: string, found: string]> = [
    [
      "three with the same registry cannot pull after the action, so neither can this one, which crash-loops",
      "registry registry.example.com: ImagePullBackOff",
      shared(candidate({ places: registry }), three({ symptoms: pull, places: registry }))
    ],
    [
      "another registry",
      "none",
      shared(
        candidate({ places: { ...nowhere, registries: ["docker.io"] } }),
        three({ symptoms: pull, places: registry })
      )
    ],
    [
      "a registry of sidecars in common, where the peers also need another one that may be the one that is down",
      "none",
      shared(
        candidate({ places: { ...nowhere, registries: ["good.example.com", "mesh.example.com"] } }),
        three({ symptoms: pull, places: { ...nowhere, registries: ["down.example.com", "mesh.example.com"] } })
      )
    ],
    [
      "both the registry of the sidecars and the one that is down",
      "registry down.example.com: ImagePullBackOff",
      shared(
        candidate({ places: { ...nowhere, registries: ["down.example.com", "mesh.example.com"] } }),
        three({ symptoms: pull, places: { ...nowhere, registries: ["down.example.com", "mesh.example.com"] } })
      )
    ],
    [
      "a registry does not explain crashes",
      "none",
      shared(candidate({ places: registry }), three({ symptoms: crash, places: registry }))
    ],
    [
      "the same zone, and this one fails like them",
      "node n1: CrashLoopBackOff",
      shared(candidate({ places: zone }), three({ symptoms: crash, places: zone }))
    ],
    [
      "the same zone on other nodes",
      "zone eu-1a: CrashLoopBackOff",
      shared(candidate({ places: { ...zone, nodes: ["n2"] } }), three({ symptoms: crash, places: zone }))
    ],
    [
      "the same zone, and this one fails in another way",
      "none",
      shared(candidate({ symptoms: ["OOMKilled"], places: zone }), three({ symptoms: crash, places: zone }))
    ],
    [
      "after the action nothing can be scheduled in the zone",
      "zone eu-1a: Unschedulable",
      shared(candidate({ places: { ...zone, nodes: [] } }), three({ symptoms: ["Unschedulable"], places: zone }))
    ],
    [
      "a quota of the namespace refuses the writes",
      "namespace shop: refused:quota-exceeded",
      shared(
        candidate({ target: targetKey({ cluster: "prod", namespace: "shop", kind: "Deployment", name: "me" }) }),
        ["a", "b", "c"].map((name) => {
          const { verdict: _none, ...refused } = failedOn(name, { symptoms: ["refused:quota-exceeded"] })
          return { ...refused, target: targetKey({ cluster: "prod", namespace: "shop", kind: "Deployment", name }) }
        })
      )
    ],
    [
      "two are not enough",
      "none",
      shared(candidate({ places: registry }), three({ symptoms: pull, places: registry }).slice(1))
    ],
    [
      "three failures on one target are one",
      "none",
      shared(candidate({ places: registry }), three({ symptoms: pull, places: registry, target: elsewhere("a") }))
    ],
    [
      "its own failures do not count",
      "none",
      shared(candidate({ places: registry }), three({ symptoms: pull, places: registry, ...ours }))
    ],
    [
      "another action",
      "none",
      shared(candidate({ places: registry, action: "RestartWorkload" }), three({ symptoms: pull, places: registry }))
    ],
    [
      "more than fifteen minutes ago",
      "none",
      shared(
        candidate({ places: registry }),
        three({ symptoms: pull, places: registry, at: fromMillis(nowMs - 15 * 60_000) })
      )
    ],
    [
      "a peer that was fixed since then speaks for the action",
      "none",
      shared(candidate({ places: registry }), [
        failedOn("d", { target: elsewhere("d"), verdict: "fixed", symptoms: [], places: registry }),
        ...three({ symptoms: pull, places: registry })
      ])
    ],
    [
      "a peer that was fixed before them does not",
      "registry registry.example.com: ImagePullBackOff",
      shared(candidate({ places: registry }), [
        ...three({ symptoms: pull, places: registry }),
        failedOn("d", { target: elsewhere("d"), verdict: "fixed", symptoms: [], places: registry })
      ])
    ],
    ["nothing is known about where they run", "none", shared(candidate(), three({ symptoms: pull }))]
  ]
  it.each(table)("%s (%s)", (_claim, expected, found) => {
    assert.strictEqual(found, expected)
  })

  it("the number and the time can be set", () => {
    const strict = { peers: { failures: 2, within: Duration.minutes(1) } }
    const two = three({ symptoms: pull, places: registry, at: fromMillis(nowMs - 59_000) }).slice(1)
    assert.isDefined(failedPeers(candidate({ places: registry }), two, strict, nowMs))
  })

  it("a person is told which peers", () => {
    const decision = decide(input({ ended: ["a", "b", "c", "d", "e", "f"].map((name) => failedOn(name)) }))
    assert.strictEqual(decision.outcome, "escalate")
    assert.match(
      decision.reasons.find(({ rule }) => rule === "peers-failed")?.message ?? "",
      /failed with CrashLoopBackOff on 6 others of the same namespace shop: Deployment shop\/a, .* and 1 more/
    )
  })
})
