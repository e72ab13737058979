import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { recurs } from "../../src/changes/Habit.ts"
import type { ObjectChange, Writer } from "../../src/domain/ObjectChange.ts"
import { find } from "./finding.ts"
import { deployment } from "./objects.ts"
import { alert, created, deleted, minutes, modified, ref, state, target } from "./scenes.ts"

const kubectl: Writer = { kind: "person", name: "kubectl" }
const replicas = (seconds: number, before: number, after: number, by: Writer = kubectl) =>
  modified(target, seconds, ["spec", "replicas"], { before, after }, { by })

/** Scaled to zero in the evening, and up again in the morning. */
const nights = (count: number, by: Writer = kubectl): ReadonlyArray<ObjectChange> =>
  Array.from({ length: count }, (_, night) => {
    const evening = -minutes(60 * 24 * (count - night))
    return [replicas(evening, 3, 0, by), replicas(evening + minutes(600), 0, 3, by)]
  }).flat()

describe("a change recurs", () => {
  const day = minutes(60 * 24)
  const quota = (seconds: number, pods: string, rest: Partial<ObjectChange> = {}) =>
    created(ref("ResourceQuota", "team"), seconds, { by: kubectl, manifest: { spec: { hard: { pods } } }, ...rest })
  const policy = { manifest: { spec: { podSelector: {} } } }
  const policies = () => [-900, -600].map((seconds) => created(ref("NetworkPolicy", "deny"), seconds, policy))
  const manifest = { spec: { selector: { app: "checkout" } } }
  const gone = (seconds: number, spec: object = manifest.spec) =>
    deleted(ref("Service", "checkout"), seconds, { by: { kind: "unknown" }, manifest: { ...manifest, spec } as never })
  const back = (seconds: number, rest: Partial<ObjectChange> = {}) =>
    created(ref("Service", "checkout"), seconds, { manifest, ...rest })
  const mornings = (after: number) => [-3 * day, -2 * day].flatMap((at) => [gone(at), back(at + after)])
  const ours = { by: { kind: "kubernaut", name: "kubernaut" } } as const
  it.each<readonly [string, boolean, ReadonlyArray<ObjectChange>, ObjectChange]>([
    ["if its writer has made it twice before", true, nights(2), replicas(-60, 3, 0)],
    ["if an object was created twice before", true, policies(), created(ref("NetworkPolicy", "deny"), -60, policy)],
    [
      "not if it creates an object of other content",
      false,
      [quota(-3 * day, "200"), quota(-day, "100")],
      quota(-60, "1")
    ],
    [
      "not if nobody is named",
      false,
      [-900, -600].map((seconds) => replicas(seconds, 3, 0, { kind: "unknown" })),
      replicas(-60, 3, 0, { kind: "unknown" })
    ],
    [
      "if an object was deleted in the evening, and created again in the morning",
      true,
      mornings(minutes(600)),
      gone(-60)
    ],
    ["not if it was replaced at once", false, mornings(1), gone(-60)],
    [
      "if it was deleted twice, and only Kubernaut has created it again",
      true,
      [-3 * day, -2 * day].flatMap((at) => [gone(at), back(at + 5, ours)]),
      gone(-60)
    ],
    ["not if what was deleted before is another content", false, [gone(-3 * day, {}), gone(-day, {})], gone(-60)],
    ["not if it was made once before: a mistake that is made again", false, nights(1), replicas(-60, 3, 0)],
    ["not if somebody else made it before", false, nights(3, { kind: "person", name: "helm" }), replicas(-60, 3, 0)],
    ["not if it gives the field another value", false, nights(3), replicas(-60, 3, 1)],
    [
      "not if it changes another field",
      false,
      nights(3),
      modified(target, -60, ["spec", "paused"], { after: 0 }, { by: kubectl })
    ]
  ])("%s", (_claim, is, before, change) => {
    assert.strictEqual(recurs(change, [...before, change]) !== undefined, is)
  })

  const evenings = [-3 * day, -2 * day, -day, -60]
  const removed = (kind: string, contents: ReadonlyArray<object>) =>
    contents.map((content, index) =>
      deleted(ref(kind, "checkout"), evenings[index]!, { by: { kind: "unknown" }, manifest: content as never })
    )
  const web = (nodePort: number, annotations: object = {}) => ({
    metadata: { name: "checkout", annotations },
    spec: {
      type: "LoadBalancer",
      ports: [
        { port: 80, nodePort },
        { port: 443, nodePort: nodePort + 1 }
      ]
    }
  })
  const scaled = (replicas: number, annotations: object = {}, image = "v1") => ({
    spec: { replicas, template: { metadata: { annotations }, spec: { containers: [{ name: "app", image }] } } }
  })
  it.each<readonly [string, boolean, ReadonlyArray<ObjectChange>]>([
    [
      "of a Service with other node ports",
      true,
      removed(
        "Service",
        [31_877, 30_412, 32_001].map((port) => web(port))
      )
    ],
    [
      "of a Service on which a controller keeps notes",
      true,
      removed("Service", [web(1, { at: "a" }), web(2, { at: "b" }), web(3)])
    ],
    [
      "of a workload with an autoscaler",
      true,
      removed(
        "Deployment",
        [3, 4, 6].map((count) => scaled(count))
      )
    ],
    ["of a workload that was restarted", true, removed("Deployment", [scaled(1), scaled(1, { at: "b" }), scaled(1)])],
    [
      "of a workload with another image: no",
      false,
      removed("Deployment", [scaled(1, {}, "v1"), scaled(1, {}, "v2"), scaled(1, {}, "v3")])
    ],
    [
      "of a Service with other ports: no",
      false,
      removed(
        "Service",
        [80, 81, 82].map((port) => ({ spec: { ports: [{ port, nodePort: 1 }] } }))
      )
    ]
  ])("if it is the deletion %s", (_claim, is, changes) => {
    assert.strictEqual(recurs(changes.at(-1)!, changes) !== undefined, is)
  })

  it("if a Service is created again and again, but not if a workload is created with other replicas", () => {
    const madeOf = (kind: string, content: object, seconds: number) =>
      created(ref(kind, "checkout"), seconds, { by: kubectl, manifest: content as never })
    const services = [1, 2, 3].map((port, index) => madeOf("Service", web(port), evenings[index]!))
    assert.isDefined(recurs(services[2]!, services))
    const workloads = [3, 3, 0].map((count, index) => madeOf("Deployment", scaled(count), evenings[index]!))
    assert.isUndefined(recurs(workloads[2]!, workloads))
  })

  it("only by what came before it", () => {
    const change = replicas(-60, 3, 0)
    assert.isUndefined(recurs(change, [change, ...nights(3)]))
  })
})

describe("a suspect", () => {
  const made = deployment("checkout")
  const now = { ...made, spec: { ...(made["spec"] as object), replicas: 0 } }
  const found = (changes: ReadonlyArray<ObjectChange>) =>
    find(
      { changes, objects: [now] },
      { objects: [now] },
      alert("KubeDeploymentReplicasMismatch"),
      state({ desiredReplicas: 0, readyReplicas: 0, pods: [] })
    )

  it.effect("that recurs needs a person, and one that does not needs none", () =>
    Effect.gen(function* () {
      const recurring = yield* found([...nights(5), replicas(-60, 3, 0)])
      assert.include(recurring.ranked[0]?.needsPerson, "kubectl has made the same change 5 times before")
      const once = yield* found([replicas(-60, 3, 0)])
      assert.deepStrictEqual([once.finding, once.ranked[0]?.needsPerson], ["one", undefined])
    })
  )

  it.effect(
    "that a library wrote needs a person, and one that nobody is named for, such as a deletion, needs none",
    () =>
      Effect.gen(function* () {
        const byLibrary = yield* found([replicas(-60, 3, 0, { kind: "unknown", name: "OpenAPI-Generator" })])
        assert.include(byLibrary.ranked[0]?.needsPerson, "OpenAPI-Generator is the name of a library")
        const byNobody = yield* found([replicas(-60, 3, 0, { kind: "unknown" })])
        assert.deepStrictEqual([byNobody.finding, byNobody.ranked[0]?.needsPerson], ["one", undefined])
      })
  )
})
