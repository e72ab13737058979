import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Random, Schema } from "effect"
import { TestClock } from "effect/testing"
import type { Action } from "../../src/domain/Action.ts"
import type { Alert } from "../../src/domain/Alert.ts"
import type { Change } from "../../src/domain/Change.ts"
import type { Intent } from "../../src/domain/Execution.ts"
import type { Target } from "../../src/domain/Target.ts"
import * as Timestamp from "../../src/domain/Timestamp.ts"
import { Verification } from "../../src/domain/Verification.ts"
import { KubernetesClient, KubernetesError, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import type { ReplicaSet } from "../../src/kubernetes/ObjectModel.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { readWorkload } from "../../src/kubernetes/WorkloadReader.ts"
import * as Verifier from "../../src/verification/Verifier.ts"
import { hourMs, withWallClock } from "../resilience/WallClock.ts"

const on = (kind: string, name: string, namespace = "shop") => ({ namespace, kind, name })
const targetOf = (kind: string, name: string, namespace = "shop"): Target => ({
  cluster: "test",
  ...on(kind, name, namespace)
})

const alert: Alert = {
  fingerprint: "f00d",
  name: "KubePodCrashLooping",
  severity: "critical",
  labels: {},
  annotations: {},
  startsAt: "2027-01-15T08:00:00.000Z"
}

interface World {
  /** The cluster does not answer while it is true. */
  silent: boolean
  reads: number
}

const layer = (
  options: Verifier.VerifierOptions = {},
  world: World = { silent: false, reads: 0 }
): Layer.Layer<Verifier.Verifier | KubernetesClient> =>
  Verifier.layer(options).pipe(
    Layer.provideMerge(
      Layer.effect(
        KubernetesClient,
        Effect.flatMap(Clock.Clock, (clock) =>
          Sandbox.make({
            intercept: (operation, request) =>
              Effect.suspend(() => {
                world.reads++
                return world.silent
                  ? Effect.fail(
                      new KubernetesError({
                        reason: { _tag: "Unavailable" },
                        operation: operation.verb,
                        applied: "no",
                        retryable: true
                      })
                    )
                  : // The cluster goes by a clock of its own.
                    Effect.provideService(request, Clock.Clock, clock)
              })
          })
        ).pipe(Random.withSeed("verification"))
      )
    )
  )

const get = (kind: string, name: string, namespace = "shop") =>
  Effect.flatMap(KubernetesClient, (client) => client.get(on(kind, name, namespace)))
const write = (change: Change) => Effect.flatMap(KubernetesClient, (client) => client.apply(change))

const replace = (kind: string, name: string, path: string, value: unknown): Change => ({
  _tag: "Patch",
  ref: on(kind, name),
  patch: [{ op: "add", path, value: value as never }]
})

/** Acts on the sandbox and gives the intent that the verifier is told of. */
const acted = Effect.fnUntraced(function* (action: Action, target: Target, change: Change | undefined) {
  const baseline = yield* readWorkload(target)
  if (change !== undefined) yield* write(change)
  const intent: Intent = {
    executionId: "r1-1",
    action,
    changes: change === undefined ? [] : [change],
    inverse: { _tag: "NotNeeded", reason: "" },
    baseline,
    plannedAt: yield* Timestamp.now
  }
  return intent
})

interface Asked {
  readonly alertResolved?: Effect.Effect<boolean>
  readonly stillFiring?: Effect.Effect<boolean | undefined>
}

const begin = (intent: Intent, target: Target, asked: Asked = {}) =>
  Effect.flatMap(Verifier.Verifier, (verifier) =>
    Effect.forkChild(
      verifier.verify({ intent, alert, target, alertResolved: asked.alertResolved ?? Effect.succeed(false), ...asked })
    )
  )

/** The verification, and the seconds that it took. */
const verified = Effect.fnUntraced(function* (intent: Intent, target: Target, asked: Asked = {}) {
  const startedAtMs = yield* Clock.currentTimeMillis
  const fiber = yield* begin(intent, target, asked)
  for (let half = 0; half < 2000 && fiber.pollUnsafe() === undefined; half++) yield* TestClock.adjust("500 millis")
  const verification = yield* Fiber.join(fiber)
  return { verification, seconds: (Timestamp.toMillis(verification.verifiedAt) - startedAtMs) / 1000 }
})

const words = (verification: Verification): string =>
  [verification.verdict, ...verification.reasons.map((reason) => reason.split(":")[0])].join(" ")

const checkout = targetOf("Deployment", "checkout")
const restart: Action = { type: "RestartWorkload", target: on("Deployment", "checkout") }

const earlierTemplate = Effect.flatMap(KubernetesClient, (client) =>
  Effect.map(client.list("ReplicaSet", { namespace: "shop", labelSelector: { app: "checkout" } }), (replicaSets) => {
    const found = (replicaSets as ReadonlyArray<ReplicaSet>).find(
      (each) => each.metadata.annotations?.["deployment.kubernetes.io/revision"] === "2"
    )
    const { metadata, ...rest } = found!.spec.template
    const { "pod-template-hash": _hash, ...labels } = metadata?.labels ?? {}
    return { ...rest, metadata: { labels } }
  })
)

const restarted = (name: string): Change =>
  replace("Deployment", name, "/spec/template/metadata/annotations", {
    "kubectl.kubernetes.io/restartedAt": "2027-01-15T08:00:00.000Z"
  })

describe("Verifier, on the sandbox", () => {
  it.effect("the undo of a bad rollout is fixed within twenty seconds", () =>
    Effect.gen(function* () {
      const action: Action = { type: "RollbackDeployment", target: on("Deployment", "checkout") }
      const intent = yield* acted(
        action,
        checkout,
        replace("Deployment", "checkout", "/spec/template", yield* earlierTemplate)
      )
      const { seconds, verification } = yield* verified(intent, checkout)
      assert.strictEqual(words(verification), "fixed settled")
      assert.strictEqual(verification.observed?.readyReplicas, 4)
      assert.isAtLeast(seconds, 10)
      assert.isBelow(seconds, 20)
      assert.isTrue(Schema.is(Verification)(verification))
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a restart of what crashes at start is not fixed", () =>
    Effect.gen(function* () {
      const intent = yield* acted(restart, checkout, restarted("checkout"))
      const { verification } = yield* verified(intent, checkout)
      assert.strictEqual(verification.verdict, "not-fixed")
      assert.match(verification.reasons.join(" "), /progress-deadline|not-ready/)
    }).pipe(Effect.provide(layer()))
  )

  it.effect(
    "a target that its own object shows to be unwell costs one request a look, and its verdict still tells of the pods",
    () => {
      const world: World = { silent: false, reads: 0 }
      return Effect.gen(function* () {
        const intent = yield* acted(restart, checkout, restarted("checkout"))
        const fiber = yield* begin(intent, checkout)
        yield* TestClock.adjust("20 seconds")
        const before = world.reads
        yield* TestClock.adjust("20 seconds")
        // Every two seconds.
        assert.strictEqual(world.reads - before, 10)
        yield* TestClock.adjust("10 minutes")
        const { observed, verdict } = yield* Fiber.join(fiber)
        assert.strictEqual(verdict, "not-fixed")
        assert.isTrue(observed?.pods.some((pod) => pod.reason === "CrashLoopBackOff"))
        assert.isNumber(observed?.endpoints)
      }).pipe(Effect.provide(layer({}, world)))
    }
  )

  it.effect("a memory limit that suffices is fixed, and one that does not is not", () =>
    Effect.gen(function* () {
      const cart = targetOf("Deployment", "cart")
      const adjust = (memory: string) =>
        acted(
          { type: "AdjustResources", target: on("Deployment", "cart"), container: "cart", limits: { memory } },
          cart,
          replace("Deployment", "cart", "/spec/template/spec/containers/0/resources/limits/memory", memory)
        )
      assert.strictEqual((yield* verified(yield* adjust("280Mi"), cart)).verification.verdict, "not-fixed")
      assert.strictEqual(words((yield* verified(yield* adjust("512Mi"), cart)).verification), "fixed settled")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("an autoscaler that gets enough room is fixed, and one that gets too little is not", () =>
    Effect.gen(function* () {
      const search = targetOf("Deployment", "search")
      const raise = (maxReplicas: number) =>
        acted(
          { type: "PatchHpa", target: on("HorizontalPodAutoscaler", "search"), maxReplicas },
          search,
          replace("HorizontalPodAutoscaler", "search", "/spec/maxReplicas", maxReplicas)
        )
      assert.strictEqual(words((yield* verified(yield* raise(6), search)).verification), "not-fixed still-at-maximum")
      const enough = yield* verified(yield* raise(12), search)
      assert.strictEqual(words(enough.verification), "fixed settled")
      assert.strictEqual(enough.verification.observed?.readyReplicas, 7)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a volume that grows is fixed", () =>
    Effect.gen(function* () {
      const data = targetOf("PersistentVolumeClaim", "data-orders-db-0")
      const action: Action = {
        type: "ExpandVolume",
        target: on("PersistentVolumeClaim", "data-orders-db-0"),
        size: "20Gi"
      }
      const intent = yield* acted(
        action,
        data,
        replace("PersistentVolumeClaim", "data-orders-db-0", "/spec/resources/requests/storage", "20Gi")
      )
      assert.strictEqual(words((yield* verified(intent, data)).verification), "fixed settled")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a drained node's pods are counted until they are gone", () =>
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      const node = targetOf("Node", "node-1", "")
      const pods = (yield* client.list("Pod", { namespace: "shop" })).filter(
        (pod) => (pod["spec"] as { nodeName?: string }).nodeName === "node-1"
      )
      const evictions = pods.map((pod): Change => ({
        _tag: "Evict",
        ref: on("Pod", pod.metadata.name),
        uid: pod.metadata.uid
      }))
      const intent = yield* acted({ type: "DrainNode", target: on("Node", "node-1", "") }, node, undefined)
      assert.isAbove(evictions.length, 0)
      const { verification } = yield* verified({ ...intent, changes: evictions }, node, {
        alertResolved: Effect.succeed(true)
      })
      assert.strictEqual(words(verification), "not-fixed pods-remain")
    }).pipe(Effect.provide(layer()))
  )

  it.effect(
    "a drained node is fixed once the evicted pods are gone and the alert is over, whatever else runs in the cluster",
    () =>
      Effect.gen(function* () {
        const client = yield* KubernetesClient
        const node = targetOf("Node", "node-1", "")
        const pods = yield* client.list("Pod", { namespace: "shop", labelSelector: { app: "search" } })
        const evictions = pods.map((pod): Change => ({
          _tag: "Evict",
          ref: on("Pod", pod.metadata.name),
          uid: pod.metadata.uid
        }))
        const intent = yield* acted({ type: "DrainNode", target: on("Node", "node-1", "") }, node, undefined)
        yield* Effect.forEach(evictions, write)
        const { verification } = yield* verified({ ...intent, changes: evictions }, node, {
          alertResolved: Effect.succeed(true)
        })
        assert.strictEqual(words(verification), "fixed settled alert-resolved")
      }).pipe(Effect.provide(layer()))
  )

  it.effect("a target that is deleted under its eyes is not fixed", () =>
    Effect.gen(function* () {
      const catalog = targetOf("Deployment", "catalog")
      const intent = yield* acted({ ...restart, target: on("Deployment", "catalog") }, catalog, restarted("catalog"))
      const fiber = yield* begin(intent, catalog)
      yield* TestClock.adjust("3 seconds")
      const object: KubernetesObject = yield* get("Deployment", "catalog")
      yield* write({ _tag: "Delete", ref: on("Deployment", "catalog"), uid: object.metadata.uid })
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(words(yield* Fiber.join(fiber)), "not-fixed target-gone reverted")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a target that is scaled to nothing under its eyes is not fixed", () =>
    Effect.gen(function* () {
      const catalog = targetOf("Deployment", "catalog")
      const intent = yield* acted({ ...restart, target: on("Deployment", "catalog") }, catalog, restarted("catalog"))
      const fiber = yield* begin(intent, catalog)
      yield* TestClock.adjust("3 seconds")
      yield* write(replace("Deployment", "catalog", "/spec/replicas", 0))
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(words(yield* Fiber.join(fiber)), "not-fixed scaled-to-nothing")
    }).pipe(Effect.provide(layer()))
  )
})

const catalog = targetOf("Deployment", "catalog")
const healthyRestart = acted({ ...restart, target: on("Deployment", "catalog") }, catalog, restarted("catalog"))

describe("Verifier, while the cluster is silent", () => {
  it.effect("is unknown when it stays so, at the deadline and not before", () => {
    const world = { silent: false, reads: 0 }
    return Effect.gen(function* () {
      const intent = yield* healthyRestart
      world.silent = true
      const { seconds, verification } = yield* verified(intent, catalog)
      assert.strictEqual(words(verification), "unknown unreadable")
      assert.isNull(verification.observed)
      assert.isAtLeast(seconds, 300)
      assert.isAtMost(seconds, 302)
    }).pipe(Effect.provide(layer({}, world)))
  })

  it.effect("goes on when it answers again", () => {
    const world = { silent: false, reads: 0 }
    return Effect.gen(function* () {
      const intent = yield* healthyRestart
      world.silent = true
      const fiber = yield* begin(intent, catalog)
      yield* TestClock.adjust("1 minute")
      world.silent = false
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(words(yield* Fiber.join(fiber)), "fixed settled")
    }).pipe(Effect.provide(layer({}, world)))
  })
})

describe("Verifier, and the alert", () => {
  it.effect("is fixed only when the alert has stopped firing, where somebody can say so", () =>
    Effect.gen(function* () {
      let firing = true
      const fiber = yield* begin(yield* healthyRestart, catalog, { stillFiring: Effect.sync(() => firing) })
      yield* TestClock.adjust("2 minutes")
      assert.isUndefined(fiber.pollUnsafe())
      firing = false
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(words(yield* Fiber.join(fiber)), "fixed settled alert-resolved")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is not fixed when the alert fires on for ten minutes", () =>
    Effect.gen(function* () {
      const { seconds, verification } = yield* verified(yield* healthyRestart, catalog, {
        stillFiring: Effect.succeed(true)
      })
      assert.strictEqual(words(verification), "not-fixed alert-firing settled")
      assert.isAtLeast(seconds, 600)
      assert.isAtMost(seconds, 602)
    }).pipe(Effect.provide(layer()))
  )

  it.effect.each([hourMs, -hourMs])(
    "waits neither less nor longer where the wall clock is set by %i ms meanwhile",
    (byMs) =>
      withWallClock((setWallClock) =>
        Effect.gen(function* () {
          yield* setWallClock(byMs)
          const unwell = yield* begin(yield* acted(restart, checkout, restarted("checkout")), checkout)
          const firing = yield* begin(yield* healthyRestart, catalog, { stillFiring: Effect.succeed(true) })
          const steady = yield* begin(yield* healthyRestart, catalog)
          yield* TestClock.adjust("5 seconds")
          yield* setWallClock(byMs)
          yield* TestClock.adjust("4 seconds")
          assert.isUndefined(steady.pollUnsafe(), "it must be seen to be well for ten seconds")
          yield* TestClock.adjust("15 seconds")
          assert.strictEqual(words(yield* Fiber.join(steady)), "fixed settled")
          yield* TestClock.adjust("40 seconds")
          yield* setWallClock(byMs)
          yield* TestClock.adjust("5 seconds")
          assert.isUndefined(
            unwell.pollUnsafe(),
            "its progress deadline of a minute must have been over for ten seconds"
          )
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual((yield* Fiber.join(unwell)).verdict, "not-fixed")
          yield* TestClock.adjust("520 seconds")
          assert.isUndefined(firing.pollUnsafe())
          yield* TestClock.adjust("3 seconds")
          assert.strictEqual(words(yield* Fiber.join(firing)), "not-fixed alert-firing settled")
        })
      ).pipe(Effect.provide(layer()))
  )

  it.effect("believes a resolved notification before it asks", () =>
    Effect.gen(function* () {
      const { verification } = yield* verified(yield* healthyRestart, catalog, {
        alertResolved: Effect.succeed(true),
        stillFiring: Effect.succeed(true)
      })
      assert.strictEqual(words(verification), "fixed settled alert-resolved")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("goes by the target alone where Alertmanager does not say", () =>
    Effect.gen(function* () {
      const { verification } = yield* verified(yield* healthyRestart, catalog, { stillFiring: Effect.undefined })
      assert.strictEqual(words(verification), "fixed settled")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("lets a failure to read its own journal through", () =>
    Effect.gen(function* () {
      const verifier = yield* Verifier.Verifier
      const failure = yield* Effect.flip(
        verifier.verify({
          intent: yield* healthyRestart,
          alert,
          target: catalog,
          alertResolved: Effect.fail("storage is down")
        })
      )
      assert.strictEqual(failure, "storage is down")
    }).pipe(Effect.provide(layer()))
  )
})

describe("Verifier, its settings", () => {
  it.effect("can be as quick as a test wants it", () =>
    Effect.gen(function* () {
      const { seconds, verification } = yield* verified(yield* healthyRestart, catalog)
      assert.strictEqual(words(verification), "fixed settled")
      assert.isBelow(seconds, 2)
    }).pipe(
      Effect.provide(layer({ stabilisation: "100 millis", pollInterval: "50 millis", pollIntervalCap: "50 millis" }))
    )
  )

  it.effect("looks at most every two seconds, and first after a quarter of one", () => {
    const world = { silent: true, reads: 0 }
    return Effect.gen(function* () {
      world.silent = false
      const intent = yield* healthyRestart
      world.silent = true
      world.reads = 0
      // One failed read a look, at 0, 250, 625, 1187, 2031, 3297, 5195 ms and then every 2 s.
      const fiber = yield* begin(intent, catalog)
      yield* TestClock.adjust("249 millis")
      assert.strictEqual(world.reads, 1)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(world.reads, 2)
      yield* TestClock.adjust("4950 millis")
      assert.strictEqual(world.reads, 7)
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(world.reads, 17)
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(layer({}, world)))
  })
})
