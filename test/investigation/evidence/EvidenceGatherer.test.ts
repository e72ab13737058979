import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { DegradationLevel } from "../../../src/domain/DegradationLevel.ts"
import { fromMillis } from "../../../src/domain/Timestamp.ts"
import type { WorkloadState } from "../../../src/domain/WorkloadState.ts"
import { make } from "../../../src/investigation/evidence/EvidenceGatherer.ts"
import {
  endOf,
  failingContainersOf,
  recentlyMs,
  revisionsOf
} from "../../../src/investigation/evidence/EvidenceOfObjects.ts"
import { type MetricLine, MetricsUnread, type Subject } from "../../../src/investigation/evidence/TargetMetrics.ts"
import { make as makePrompt } from "../../../src/investigation/models/Prompt.ts"
import { standard } from "../../../src/investigation/rules/Rulebook.ts"
import { make as makeRules } from "../../../src/investigation/rules/RuleInvestigator.ts"
import { failedCreateIn } from "../../../src/kubernetes/FailedCreate.ts"
import { KubernetesClient, KubernetesError, type KubernetesObject } from "../../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../../src/kubernetes/Sandbox.ts"
import { readWorkload } from "../../../src/kubernetes/WorkloadReader.ts"
import * as Patience from "../../../src/resilience/pipeline/Patience.ts"
import { alert, request, target } from "../fixtures/Requests.ts"

const requestOf = (observed: WorkloadState) => request({ observed })

const requestFor = Effect.fnUntraced(function* (
  name: string,
  level: DegradationLevel = 0,
  alertName = "KubePodCrashLooping"
) {
  const observed = yield* readWorkload({ namespace: "shop", kind: "Deployment", name })
  const startsAt = fromMillis(yield* Clock.currentTimeMillis)
  return request({
    target: { ...target, name },
    observed,
    level,
    alert: alert({ name: alertName, labels: { namespace: "shop" }, startsAt })
  })
})

const gathered = Effect.fnUntraced(function* (name: string, level: DegradationLevel = 0, alertName?: string) {
  const given = yield* requestFor(name, level, alertName)
  return { ...given, evidence: yield* (yield* make())(given) }
})

describe("evidence from a cluster", () => {
  it.effect(
    "of a bad rollout contains the spec, both revisions, the crashing containers, their last log and the events",
    () =>
      Effect.gen(function* () {
        const { evidence } = yield* gathered("checkout")
        assert.deepStrictEqual(evidence.missing, [])
        assert.isAbove(evidence.containers.length, 0)
        const [current, before] = evidence.revisions
        assert.isTrue(current?.current)
        assert.strictEqual(current?.readyReplicas, 0)
        assert.isAbove(before?.readyReplicas ?? 0, 0)
        assert.isTrue(
          evidence.failing.every((container) => container.pod.startsWith("checkout-") && container.exitCode === 1)
        )
        assert.isTrue(evidence.logs.some((log) => log.previous && log.text.includes("panic: schema version 41")))
        assert.isTrue(evidence.events.some((event) => event.reason === "BackOff"))
      }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("keeps its secrets out of the prompt", () =>
    Effect.gen(function* () {
      const given = yield* gathered("checkout")
      const raw = JSON.stringify(given.evidence.logs)
      assert.include(raw, "Hn7-quiet-otter")
      const { question } = makePrompt(given)
      assert.include(question, "panic: schema version 41")
      assert.notInclude(question, "Hn7-quiet-otter")
      assert.notInclude(question, "sk_live_51Mfake0checkout0token0")
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it("truncates a long log between lines, so no secret loses the name before it", () => {
    const log = "starting\nDATABASE_PASSWORD=winter-Barn-41\npanic: no schema\n"
    assert.strictEqual(endOf(log, log.length), log)
    for (let characters = 1; characters < log.length; characters++) {
      const end = endOf(log, characters)
      assert.isAtMost(end.length, characters)
      assert.isTrue(end === "" || log.endsWith(`\n${end}`), JSON.stringify(end))
    }
    assert.strictEqual(endOf(log, 20), "panic: no schema\n")
    assert.strictEqual(endOf("x".repeat(50), 20), "")
  })

  it.effect("shrinks with the level: fewer logs and events at 1, none at 2, the spec at every level", () =>
    Effect.gen(function* () {
      const [full, reduced, basic] = [
        yield* gathered("checkout", 0),
        yield* gathered("checkout", 1),
        yield* gathered("checkout", 2)
      ].map(({ evidence }) => evidence)
      assert.isAbove(full!.logs.length, reduced!.logs.length)
      assert.isAbove(reduced!.logs.length, 0)
      assert.deepStrictEqual([basic!.logs, basic!.events], [[], []])
      assert.deepStrictEqual(basic!.containers, full!.containers)
      assert.deepStrictEqual(basic!.revisions, full!.revisions)
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect.each([
    ["checkout", "KubePodCrashLooping", "RollbackDeployment"],
    ["cart", "KubePodCrashLooping", "AdjustResources"],
    ["search", "KubeHpaMaxedOut", "PatchHpa"],
    ["catalog", "KubePodCrashLooping", "Notify"]
  ] as const)(
    "suffices at levels 0 and 2 for the rules to act on shop/%s for %s with %s",
    ([name, alertName, action]) =>
      Effect.gen(function* () {
        const { rules } = yield* standard
        for (const level of [0, 2] as const) {
          const found = yield* makeRules({ rules }).investigate(yield* gathered(name, level, alertName))
          assert.strictEqual(found.action.type, action)
        }
      }).pipe(Effect.provide(Sandbox.layer()))
  )
})

describe("evidence that cannot be read", () => {
  const forbidden = (operation: string) =>
    new KubernetesError({ reason: { _tag: "Forbidden" }, operation, applied: "no", retryable: false })

  it.effect("has the metrics of the pods that need attention and of two others, at level 0 alone", () =>
    Effect.gen(function* () {
      const subjects: Array<Subject> = []
      const line: MetricLine = { name: "memory in use", unit: "bytes", value: 1 }
      const gather = yield* make({
        metrics: { read: (subject) => Effect.sync(() => (subjects.push(subject), [line])) }
      })
      const given = yield* requestFor("checkout")
      const failing = given.observed!.pods.filter(({ ready }) => !ready).map(({ name }) => name)
      assert.deepStrictEqual((yield* gather(given)).metrics, [line])
      assert.includeMembers([...subjects[0]!.pods], failing)
      assert.isAtMost(subjects[0]!.pods.length, failing.length + 2)
      for (const level of [1, 2] as const) assert.deepStrictEqual((yield* gather({ ...given, level })).metrics, [])
      assert.lengthOf(subjects, 1)
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("names metrics that could not be read in missing", () =>
    Effect.gen(function* () {
      const gather = yield* make({ metrics: { read: () => Effect.fail(new MetricsUnread()) } })
      const { containers, missing } = yield* gather(yield* requestFor("checkout"))
      assert.deepStrictEqual(missing, ["metrics"])
      assert.isAbove(containers.length, 0)
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("is named in missing, and the rest is kept", () =>
    Effect.gen(function* () {
      const { evidence } = yield* gathered("checkout")
      assert.deepStrictEqual(evidence.missing, ["events"])
      assert.isAbove(evidence.logs.length, 0)
      assert.isAbove(evidence.revisions.length, 0)
    }).pipe(
      Effect.provide(
        Sandbox.layer({
          intercept: (operation, next) => (operation.kind === "Event" ? Effect.fail(forbidden("list Event")) : next)
        })
      )
    )
  )

  it.effect.each<readonly [string, () => Effect.Effect<KubernetesObject>]>([
    ["is not as expected", () => Effect.succeed({} as KubernetesObject)],
    ["makes reading it die", () => Effect.die("broken")],
    ["makes reading it throw", () => JSON.parse("{")]
  ])("is named in missing when an object %s, and the rest is kept", ([_how, read]) =>
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      const get: typeof client.get = (ref) => (ref.kind === "Deployment" ? client.get(ref) : read())
      const gather = yield* Effect.provideService(make({ metrics: { read } as never }), KubernetesClient, {
        ...client,
        get
      })
      const given = yield* requestFor("search")
      const { containers, missing } = yield* gather({
        ...given,
        observed: { ...given.observed!, autoscaler: "search" }
      })
      assert.includeMembers([...missing], ["autoscaler"])
      assert.notIncludeMembers([...missing], ["spec", "events"])
      assert.isAbove(containers.length, 0)
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("is named after 5, 3 or 2 s by level when the cluster does not respond, and earlier parts are kept", () =>
    Effect.gen(function* () {
      for (const [level, limitMs] of [
        [0, 5000],
        [1, 3000],
        [2, 2000]
      ] as const) {
        const client = yield* KubernetesClient
        const slow = {
          ...client,
          logs: () => Effect.never,
          list: (kind: string, options: Parameters<typeof client.list>[1]) =>
            kind === "Event" ? Effect.never : client.list(kind, options)
        }
        const gather = yield* Effect.provideService(
          make(),
          KubernetesClient,
          level === 2 ? { ...slow, get: () => Effect.never } : slow
        )
        const fiber = yield* Effect.forkChild(gather(yield* requestFor("checkout", level)))
        yield* TestClock.adjust(limitMs - 1)
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust(1)
        const evidence = yield* Fiber.join(fiber)
        assert.includeMembers([...evidence.missing], ["containers and logs"])
        if (level < 2) assert.isAbove(evidence.revisions.length, 0)
      }
    }).pipe(Effect.provide(Sandbox.layer()))
  )
})

describe("evidence while our own limits hold requests up", () => {
  /** Requests wait until `heldUpMs` have passed, and then take 300 ms each. */
  const gatherWith = Effect.fnUntraced(function* (heldUpMs: number, patience?: "5 minutes") {
    const client = yield* KubernetesClient
    const given = yield* requestFor("checkout")
    const startedMs = yield* Clock.currentTimeMillis
    const heldForMs = Effect.map(Clock.currentTimeMillis, (nowMs) => Math.max(0, startedMs + heldUpMs - nowMs))
    const late = <A>(request: Effect.Effect<A, KubernetesError>) =>
      Effect.andThen(
        Effect.flatMap(heldForMs, (ms) => Effect.sleep(ms + 300)),
        request
      )
    const gather = yield* Effect.provideService(
      make({ heldUp: Effect.map(heldForMs, (ms) => ms > 0) }),
      KubernetesClient,
      {
        ...client,
        get: (ref) => late(client.get(ref)),
        list: (kind, options) => late(client.list(kind, options)),
        logs: (pod, options) => late(client.logs(pod, options))
      }
    )
    const gathering = gather(given)
    const fiber = yield* Effect.forkChild(patience === undefined ? gathering : Patience.within(patience)(gathering))
    for (let ms = 0; fiber.pollUnsafe() === undefined; ms += 100) {
      assert.isBelow(ms, 120_000)
      yield* TestClock.adjust(100)
    }
    return (yield* Fiber.join(fiber)).missing
  })

  for (const heldUpMs of [4900, 5100, 9900, 61_900]) {
    it.effect(`misses nothing when they do so for ${heldUpMs} ms`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* gatherWith(heldUpMs, "5 minutes"), [])
      }).pipe(Effect.provide(Sandbox.layer()))
    )
  }

  it.effect("is given up in time without patience", () =>
    Effect.gen(function* () {
      assert.include(yield* gatherWith(60_000), "spec")
    }).pipe(Effect.provide(Sandbox.layer()))
  )
})

describe("failing containers", () => {
  const nowMs = Date.parse("2026-11-24T03:00:00Z")
  const ended = (minutesAgo: number, exitCode: number, reason = "OOMKilled") => ({
    terminated: { exitCode, reason, finishedAt: new Date(nowMs - minutesAgo * 60_000).toISOString() }
  })
  const podWith = (status: Record<string, unknown>): KubernetesObject => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "shop", uid: "u", resourceVersion: "1" },
    status: { containerStatuses: [{ name: "c", restartCount: 1, ...status }] }
  })

  it.each([
    [
      "that waits in a crash loop",
      true,
      { ready: false, state: { waiting: { reason: "CrashLoopBackOff" } }, lastState: ended(1, 1, "Error") }
    ],
    [
      "that is ready again a minute after it was killed",
      true,
      { ready: true, state: { running: {} }, lastState: ended(1, 137) }
    ],
    [
      "that was killed long ago",
      false,
      { ready: true, state: { running: {} }, lastState: ended(recentlyMs / 60_000 + 1, 137) }
    ],
    ["that exited with 0", false, { ready: true, state: { running: {} }, lastState: ended(1, 0, "Completed") }],
    ["that is being created", false, { ready: false, state: { waiting: { reason: "ContainerCreating" } } }],
    ["whose image cannot be pulled", true, { ready: false, state: { waiting: { reason: "ImagePullBackOff" } } }]
  ])("a container %s counts as failing: %s", (_name, expected, status) => {
    assert.strictEqual(failingContainersOf(podWith(status), null, nowMs).length === 1, expected)
  })
})

it("the revisions of a Deployment are its own ReplicaSets, and the current one is the one with its template", () => {
  const template = (image: string) => ({ spec: { containers: [{ name: "main", image }] } })
  const deployment = (image: string): KubernetesObject => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "a", uid: "a", resourceVersion: "1", generation: 2 },
    spec: { template: template(image) },
    status: { observedGeneration: 1 }
  })
  const set = (uid: string, revision: string): KubernetesObject => ({
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: revision,
      uid: revision,
      resourceVersion: "1",
      labels: { "pod-template-hash": `h${revision}` },
      annotations: { "deployment.kubernetes.io/revision": revision },
      ownerReferences: [{ apiVersion: "apps/v1", kind: "Deployment", name: uid, uid, controller: true }]
    },
    spec: { replicas: 1, selector: {}, template: template(`a:${revision}`) }
  })
  const revisions = (image: string) =>
    revisionsOf(deployment(image), [set("a", "9"), set("b", "11"), set("a", "10")], null).map(
      ({ current, revision, templateHash }) => [revision, templateHash, current]
    )
  assert.deepStrictEqual(revisions("a:10"), [
    [10, "h10", true],
    [9, "h9", false]
  ])
  assert.deepStrictEqual(
    revisions("a:12"),
    [
      [10, "h10", false],
      [9, "h9", false]
    ],
    "the controller has not numbered the newest template yet"
  )
})

describe("what keeps a controller from creating pods", () => {
  const event = (reason: string, minute: number, message = ""): KubernetesObject => ({
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: `${reason}-${minute}`, uid: `${reason}-${minute}`, resourceVersion: "1" },
    involvedObject: { kind: "StatefulSet", name: "orders-db" },
    reason,
    message,
    lastTimestamp: `2026-11-24T03:${String(minute).padStart(2, "0")}:00Z`
  })

  it("is the newest refusal, unless a pod was created since", () => {
    const refused = event("FailedCreate", 5, "create Pod db-1 failed error: exceeded quota: q")
    assert.isNull(failedCreateIn([]))
    assert.include(failedCreateIn([event("SuccessfulCreate", 4), refused]), "exceeded quota: q")
    assert.include(failedCreateIn([refused, event("FailedCreate", 3, "another reason")]), "exceeded quota: q")
    assert.isNull(failedCreateIn([refused, event("SuccessfulCreate", 6)]))
  })

  it.effect("is read from the events of a StatefulSet with missing pods, at every level", () =>
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      const gather = yield* Effect.provideService(make(), KubernetesClient, {
        ...client,
        list: (kind: string, options: Parameters<typeof client.list>[1]) =>
          kind === "Event" && options.involvedObject?.kind === "StatefulSet"
            ? Effect.succeed([event("FailedCreate", 5, "create Pod db-1 failed error: exceeded quota: q")])
            : client.list(kind, options)
      })
      const ref = { namespace: "shop", kind: "StatefulSet", name: "orders-db" }
      const all = yield* readWorkload(ref)
      const given = (level: DegradationLevel, pods: typeof all.pods) =>
        gather(request({ target: { cluster: "test", ...ref }, level, observed: { ...all, pods } }))
      for (const level of [0, 1, 2] as const)
        assert.include((yield* given(level, all.pods.slice(0, 1))).failedCreate, "exceeded quota: q", `level ${level}`)
      assert.isNull((yield* given(0, all.pods)).failedCreate, "no pod is missing")
    }).pipe(Effect.provide(Sandbox.layer()))
  )
})

it.effect("evidence names the revision of each failing container and log, and the object of each event", () =>
  Effect.gen(function* () {
    const { evidence, observed } = yield* gathered("checkout")
    assert.isAbove(evidence.failing.length, 0)
    for (const each of [...evidence.failing, ...evidence.logs])
      assert.deepInclude(each, { revision: observed!.revision!, current: true })
    assert.isTrue(evidence.failing.every(({ endedAt, ready }) => !ready && endedAt !== null))
    const objects = new Set(evidence.events.map(({ object }) => object))
    assert.include([...objects], "Deployment checkout")
    assert.isTrue([...objects].some((object) => object.startsWith("Pod checkout-")))
    const { question } = makePrompt({ ...requestOf(observed!), evidence })
    assert.match(question, /log[^{]*\{[^}]*"revision":3,"current":true/)
    assert.include(question, '"inProgress":true')
  }).pipe(Effect.provide(Sandbox.layer()))
)
