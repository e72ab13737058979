import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { decide } from "../../src/decision/Decider.ts"
import { defaults } from "../../src/decision/GuardrailSettings.ts"
import { type Candidate, discriminates, failedPeers } from "../../src/decision/PeersFailed.ts"
import type { EndedAction } from "../../src/domain/PastAction.ts"
import type { Places } from "../../src/domain/Places.ts"
import { targetKey } from "../../src/domain/Target.ts"
import { fromMillis } from "../../src/domain/Timestamp.ts"
import { failedOn, input, nowMs } from "./situations.ts"

const nowhere: Places = { registries: [], nodes: [], zones: [], pools: [] }
const elsewhere = (name: string) => targetKey({ cluster: "prod", namespace: `ns-${name}`, kind: "Deployment", name })

const candidate = (change: Partial<Candidate> = {}): Candidate => ({
  nodePlaces: twoZones,
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

const inShop = (name: string) =>
  candidate({ target: targetKey({ cluster: "prod", namespace: "shop", kind: "Deployment", name }) })

/** A refused write in the same namespace. */
const refusedWith =
  (code: string) =>
  (name: string): EndedAction => {
    const { verdict: _none, ...refused } = failedOn(name, { symptoms: [`refused:${code}`] })
    return { ...refused, target: inShop(name).target }
  }

const registry: Places = { ...nowhere, registries: ["registry.example.com"] }
/** A cluster with two zones of two nodes. */
const twoZones = new Map([
  ["n1", { zone: "eu-1a", pool: "p" }],
  ["n2", { zone: "eu-1a", pool: "p" }],
  ["n3", { zone: "eu-1b", pool: "p" }]
])
const oneZone = new Map([
  ["n1", { zone: "eu-1a", pool: "p" }],
  ["n2", { zone: "eu-1a", pool: "p" }]
])
const otherZone: Places = { ...nowhere, nodes: ["n3"], zones: ["eu-1b"] }
/** One action that ended on a target of another namespace. */
const ended = (name: string, change: Partial<EndedAction>) => failedOn(name, { target: elsewhere(name), ...change })
const fixed = { verdict: "fixed", symptoms: [] } as const
const zone: Places = { ...nowhere, nodes: ["n1"], zones: ["eu-1a"] }
const pull = ["ImagePullBackOff"]
const crash = ["CrashLoopBackOff"]
const ours = { target: candidate().target }

const me = { places: zone, nodePlaces: oneZone }
const elsewhereInZone = { places: { ...zone, nodes: ["n2"] } }

describe("what failed peers share says nothing about a target if it does not set them apart", () => {
  const table: ReadonlyArray<readonly [claim: string, expected: string, found: string]> = [
    [
      "the only zone of the cluster, on other nodes",
      "none",
      shared(candidate({ ...me, ...elsewhereInZone }), three({ symptoms: crash, places: zone }))
    ],
    [
      "the only zone, in which nothing could be scheduled",
      "none",
      shared(
        candidate({ ...me, places: { ...zone, nodes: [] } }),
        three({ symptoms: ["Unschedulable"], places: { ...zone, nodes: [] } })
      )
    ],
    [
      "the only node",
      "none",
      shared(
        candidate({ places: zone, nodePlaces: new Map([["n1", { zone: "eu-1a", pool: "p" }]]) }),
        three({ symptoms: crash, places: zone })
      )
    ],
    [
      "a zone, where it is not known which others there are",
      "none",
      shared(candidate({ places: zone, nodePlaces: new Map() }), three({ symptoms: crash, places: zone }))
    ],
    [
      "a zone, while as many fail in the other one",
      "none",
      shared(candidate({ places: { ...zone, nodes: ["n2"] } }), [
        ...three({ symptoms: crash, places: zone }),
        ...["x", "y", "z"].map((name) => ended(name, { symptoms: crash, places: otherZone }))
      ])
    ],
    [
      "a zone, if the peers fail in both",
      "none",
      shared(
        candidate({ places: { ...zone, nodes: ["n2"] } }),
        three({ symptoms: crash, places: { ...zone, zones: ["eu-1a", "eu-1b"] } })
      )
    ],
    [
      "the namespace of all workloads, and this one crashes like them",
      "none",
      shared(
        candidate({ target: targetKey({ cluster: "prod", namespace: "shop", kind: "Deployment", name: "me" }) }),
        ["a", "b", "c"].map((name) => failedOn(name, { symptoms: crash }))
      )
    ],
    [
      "the namespace, while one elsewhere was fixed",
      "namespace shop: CrashLoopBackOff",
      shared(candidate({ target: targetKey({ cluster: "prod", namespace: "shop", kind: "Deployment", name: "me" }) }), [
        ...["a", "b", "c"].map((name) => failedOn(name, { symptoms: crash })),
        ended("d", fixed)
      ])
    ],
    [
      "the zone that is down, while none of the other was tried",
      "node n1: CrashLoopBackOff",
      shared(candidate({ places: zone }), three({ symptoms: crash, places: zone }))
    ],
    [
      "the zone that is down, while one of the other was fixed",
      "zone eu-1a: CrashLoopBackOff",
      shared(candidate({ places: { ...zone, nodes: ["n2"] } }), [
        ...three({ symptoms: crash, places: zone }),
        ended("d", { ...fixed, places: otherZone })
      ])
    ],
    [
      "the registry of every pod, which is direct evidence",
      "registry registry.example.com: ImagePullBackOff",
      shared(candidate({ places: registry, nodePlaces: oneZone }), three({ symptoms: pull, places: registry }))
    ],
    [
      "the only namespace, whose quota refuses pods, which is direct evidence",
      "namespace shop: FailedCreate",
      shared(
        candidate({ target: targetKey({ cluster: "prod", namespace: "shop", kind: "Deployment", name: "me" }) }),
        ["a", "b", "c"].map((name) => failedOn(name, { symptoms: ["FailedCreate"] }))
      )
    ]
  ]
  it.each(table)("%s (%s)", (_claim, expected, found) => {
    assert.strictEqual(found, expected)
  })

  it("an outcome that is not known outside is no evidence for either", () => {
    const unknown = ended("d", { verdict: "unknown", symptoms: [], places: otherZone })
    assert.isFalse(discriminates(["zone", "eu-1a"], "CrashLoopBackOff", [unknown], oneZone))
    assert.isTrue(discriminates(["zone", "eu-1a"], "CrashLoopBackOff", [unknown], twoZones))
  })
})

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
      shared(inShop("me"), ["a", "b", "c"].map(refusedWith("quota-exceeded")))
    ],
    ...[
      "unavailable",
      "timeout",
      "rate-limited",
      "unauthorized",
      "disruption-budget",
      "invalid",
      "approval-expired"
    ].map(
      (code) =>
        [
          `the writes in the namespace ended with ${code}, which says nothing about the namespace`,
          "none",
          shared(inShop("me"), ["a", "b", "c"].map(refusedWith(code)))
        ] as const
    ),
    ...["forbidden", "limit-range", "pod-security", "webhook-unreachable"].map(
      (code) =>
        [
          `${code} in the namespace`,
          `namespace shop: refused:${code}`,
          shared(inShop("me"), ["a", "b", "c"].map(refusedWith(code)))
        ] as const
    ),
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
    const failed = ["a", "b", "c", "d", "e", "f"].map((name) => failedOn(name))
    const decision = decide(input({ ended: [...failed, ended("g", fixed)] }))
    assert.strictEqual(decision.outcome, "escalate")
    assert.match(
      decision.reasons.find(({ rule }) => rule === "peers-failed")?.message ?? "",
      /failed with CrashLoopBackOff on 6 others of the same namespace shop: Deployment shop\/a, .* and 1 more/
    )
  })
})
