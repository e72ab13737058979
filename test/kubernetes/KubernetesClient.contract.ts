/**
 * What both implementations of the port do alike: the sandbox in memory and the client of a real API server.
 *
 * Each case makes its own objects through the port, in namespaces of this run, and waits for what it expects by `pass`:
 * the sandbox is given time by its test clock, a real cluster takes it.
 */

import { assert, describe, layer as shareLayer } from "@effect/vitest"
import { Array as Arr, Duration, Effect, Fiber, Layer, Stream } from "effect"
import type { Change } from "../../src/domain/Change.ts"
import type { ResourceRef } from "../../src/domain/Target.ts"
import {
  KubernetesClient,
  type KubernetesError,
  type KubernetesObject,
  type WatchEvent
} from "../../src/kubernetes/KubernetesClient.ts"
import type {
  Deployment,
  HorizontalPodAutoscaler,
  Node,
  PersistentVolumeClaim,
  Pod,
  PodDisruptionBudget
} from "../../src/kubernetes/ObjectModel.ts"
import { isPodReady } from "../../src/kubernetes/ObjectModel.ts"
import * as OwnerResolver from "../../src/kubernetes/OwnerResolver.ts"
import { readWorkload } from "../../src/kubernetes/WorkloadReader.ts"

export interface Fixtures {
  /** Unique to this run, so that a cluster can be used again. */
  readonly run: string
  /** Lets a while of the cluster's time go by. */
  readonly pass: Effect.Effect<void>
  /** Real services instead of the test clock. */
  readonly live: boolean
}

type Json = Extract<Change, { _tag: "Create" }>["manifest"]

const patience = 150

const container = (
  tag: string,
  resources: Json = { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "128Mi" } }
) => ({
  name: "main",
  image: `registry.example/app:${tag}`,
  resources
})

const template = (name: string, tag: string, annotations: Record<string, string> = {}): Json => ({
  metadata: { labels: { app: name }, annotations },
  spec: { containers: [container(tag)] }
})

const deployment = (
  name: string,
  options: { readonly replicas?: number; readonly tag?: string; readonly annotations?: Record<string, string> } = {}
): Json => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, labels: { app: name } },
  spec: {
    replicas: options.replicas ?? 2,
    selector: { matchLabels: { app: name } },
    template: template(name, options.tag ?? "v1", options.annotations)
  }
})

const pod = (name: string, labels: Record<string, string> = {}): Json => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels },
  spec: { containers: [container("v1")] }
})

const budget = (name: string, app: string, minAvailable: number): Json => ({
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  metadata: { name },
  spec: { minAvailable, selector: { matchLabels: { app } } }
})

const ref = (namespace: string, kind: string, name: string): ResourceRef => ({ namespace, kind, name })
const refOf = (object: KubernetesObject): ResourceRef =>
  ref(object.metadata.namespace ?? "", object.kind, object.metadata.name)
const patch = (target: ResourceRef, ...operations: ReadonlyArray<unknown>): Change => ({
  _tag: "Patch",
  ref: target,
  patch: operations as Extract<Change, { _tag: "Patch" }>["patch"]
})
const replace = (path: string, value: unknown) => ({ op: "replace", path, value })
const evict = (object: KubernetesObject, uid = object.metadata.uid): Change => ({
  _tag: "Evict",
  ref: refOf(object),
  uid
})
const image = (tag: string) => replace("/spec/template/spec/containers/0/image", `registry.example/app:${tag}`)

/** The error that an effect must end with, checked to have left the cluster alone. */
const refusal = <A, R>(effect: Effect.Effect<A, KubernetesError, R>) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert.strictEqual(error.applied, "no", `${error.message} must not be applied`)
    return error
  })

const refusedAs = <A, R>(
  effect: Effect.Effect<A, KubernetesError, R>,
  tag: KubernetesError["reason"]["_tag"],
  retryable = false
) =>
  Effect.map(refusal(effect), (error) => {
    assert.strictEqual(error.reason._tag, tag, error.operation)
    assert.strictEqual(error.retryable, retryable, `${error.message} retryable`)
    return error.reason
  })

export const contract = (name: string, layer: Layer.Layer<KubernetesClient>, fixtures: Fixtures): void => {
  const services = OwnerResolver.layer({ interval: "1 second" }).pipe(Layer.provideMerge(layer))
  const uncreatedUid = "00000000-0000-4000-8000-000000000000"

  /** Waits until what is read satisfies; says what it last saw when it never does. */
  const eventually = <A, R>(
    what: string,
    read: Effect.Effect<A, KubernetesError, R>,
    satisfied: (value: A) => boolean
  ): Effect.Effect<A, KubernetesError, R> =>
    Effect.gen(function* () {
      let last: A | undefined
      for (let attempt = 0; attempt < patience; attempt++) {
        last = yield* read
        if (satisfied(last)) return last
        yield* fixtures.pass
      }
      return assert.fail(`${what} did not happen; last seen: ${JSON.stringify(last)?.slice(0, 600)}`)
    })

  const create = (namespace: string, manifest: Json) =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const metadata = manifest["metadata"] as { readonly name: string }
      const made = yield* kubernetes.apply({
        _tag: "Create",
        ref: ref(namespace, String(manifest["kind"]), metadata.name),
        manifest
      })
      return made!
    })

  /** A new namespace for one case. On a real cluster pods can be made in it once its ServiceAccount is there. */
  const space = (suffix: string) =>
    Effect.gen(function* () {
      const namespace = `${fixtures.run}-${suffix}`
      yield* create("", { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } })
      yield* eventually(
        `namespace ${namespace} takes pods`,
        Effect.flatMap(KubernetesClient, (kubernetes) =>
          Effect.match(
            kubernetes.apply(
              { _tag: "Create", ref: ref(namespace, "Pod", "ready"), manifest: pod("ready") },
              { dryRun: true }
            ),
            { onFailure: () => false, onSuccess: () => true }
          )
        ),
        (ready) => ready
      )
      return namespace
    })

  const podsOf = (namespace: string, app: string) =>
    Effect.flatMap(KubernetesClient, (kubernetes) =>
      Effect.map(kubernetes.list("Pod", { namespace, labelSelector: { app } }), (pods) => pods as ReadonlyArray<Pod>)
    )

  const settled = (target: ResourceRef, replicas: number) =>
    eventually(
      `${target.name} settles at ${replicas}`,
      readWorkload(target),
      (state) =>
        state.observedGeneration === state.generation
        && state.desiredReplicas === replicas
        && state.readyReplicas === replicas
        && state.availableReplicas === replicas
        && state.updatedReplicas === replicas
        && state.pods.length === replicas
    )

  const running = (namespace: string, options: Parameters<typeof deployment>[1] & { readonly name?: string } = {}) =>
    Effect.gen(function* () {
      const made = yield* create(namespace, deployment(options.name ?? "web", options))
      yield* settled(refOf(made), options.replicas ?? 2)
      return made as Deployment
    })

  describe(`${name} keeps the contract`, () => {
    shareLayer(services, { excludeTestServices: fixtures.live, timeout: "2 minutes" })((it) => {
      it.effect("the probe succeeds and has no answer", () =>
        Effect.gen(function* () {
          assert.isUndefined(yield* (yield* KubernetesClient).probe)
        })
      )

      it.effect("an object that does not exist is NotFound for get, patch, evict, delete and logs", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const target = ref("default", "Pod", "no-such-pod")
          yield* refusedAs(kubernetes.get(target), "NotFound")
          yield* refusedAs(kubernetes.apply(patch(target, replace("/metadata/labels", {}))), "NotFound")
          yield* refusedAs(kubernetes.apply({ _tag: "Evict", ref: target, uid: uncreatedUid }), "NotFound")
          yield* refusedAs(kubernetes.apply({ _tag: "Delete", ref: target, uid: uncreatedUid }), "NotFound")
          yield* refusedAs(kubernetes.logs(target, { tailLines: 5 }), "NotFound")
        })
      )

      it.effect("a kind that no action touches is refused as Invalid by every verb", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const target = ref("default", "Secret", "admin-token")
          yield* refusedAs(kubernetes.get(target), "Invalid")
          yield* refusedAs(kubernetes.list("Secret", { namespace: "default" }), "Invalid")
          yield* refusedAs(kubernetes.apply(patch(target, replace("/data", {}))), "Invalid")
          yield* refusedAs(Stream.runDrain(kubernetes.watch("Secret", { namespace: "default" })), "Invalid")
        })
      )

      it.effect("a created object has server-made metadata, is read back the same, and can't be created twice", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const namespace = yield* space("create")
          const made = yield* create(namespace, deployment("web"))
          assert.match(made.metadata.uid, /^[0-9a-f-]{36}$/)
          assert.strictEqual(made.metadata.generation, 1)
          assert.match(made.metadata.creationTimestamp ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
          assert.strictEqual((yield* kubernetes.get(refOf(made))).metadata.uid, made.metadata.uid)
          yield* refusedAs(create(namespace, deployment("web")), "AlreadyExists")
          yield* refusedAs(create(`${fixtures.run}-nowhere`, deployment("web")), "NotFound")
        })
      )

      it.effect("a list is what the namespace and all the labels select, cut at its limit", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const namespace = yield* space("list")
          for (const [each, labels] of [
            ["a", { tier: "x", zone: "1" }],
            ["b", { tier: "x", zone: "2" }],
            ["c", { tier: "y", zone: "1" }]
          ] as const) {
            yield* create(namespace, {
              apiVersion: "v1",
              kind: "ConfigMap",
              metadata: { name: each, labels },
              data: {}
            })
          }
          const names = (labelSelector: Record<string, string>) =>
            Effect.map(kubernetes.list("ConfigMap", { namespace, labelSelector }), (found) =>
              found.map((each) => each.metadata.name).sort()
            )
          assert.deepStrictEqual(yield* names({ tier: "x" }), ["a", "b"])
          assert.deepStrictEqual(yield* names({ tier: "x", zone: "2" }), ["b"])
          assert.deepStrictEqual(yield* names({ tier: "z" }), [])
          assert.lengthOf(yield* kubernetes.list("ConfigMap", { namespace, limit: 2 }), 2)
          const everywhere = yield* kubernetes.list("ConfigMap", { labelSelector: { tier: "x" }, metadataOnly: true })
          assert.includeMembers(
            everywhere.map((each) => `${each.kind} ${each.metadata.namespace}/${each.metadata.name}`),
            [`ConfigMap ${namespace}/a`, `ConfigMap ${namespace}/b`]
          )
        })
      )

      it.effect("a change of spec raises the generation, any change raises the version, no change raises neither", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const namespace = yield* space("patch")
          // A CronJob that never runs: nobody else writes it meanwhile.
          const made = yield* create(namespace, cronJob("nightly"))
          const target = refOf(made)
          const suspended = (yield* kubernetes.apply(patch(target, replace("/spec/suspend", true))))!
          assert.strictEqual(suspended.metadata.generation, 2)
          assert.notStrictEqual(suspended.metadata.resourceVersion, made.metadata.resourceVersion)
          const labelled = (yield* kubernetes.apply(
            patch(target, { op: "add", path: "/metadata/labels", value: { team: "shop" } })
          ))!
          assert.strictEqual(labelled.metadata.generation, 2)
          assert.notStrictEqual(labelled.metadata.resourceVersion, suspended.metadata.resourceVersion)
          const same = (yield* kubernetes.apply(patch(target, replace("/metadata/labels/team", "shop"))))!
          assert.strictEqual(same.metadata.resourceVersion, labelled.metadata.resourceVersion)
        })
      )

      it.effect("a patch planned on an older version is a Conflict and changes nothing", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const namespace = yield* space("conflict")
          const made = yield* create(namespace, cronJob("nightly"))
          const target = refOf(made)
          const planned = patch(
            target,
            replace("/metadata/resourceVersion", made.metadata.resourceVersion),
            replace("/spec/suspend", true)
          )
          yield* kubernetes.apply(patch(target, { op: "add", path: "/metadata/labels", value: { touched: "yes" } }))
          yield* refusedAs(kubernetes.apply(planned), "Conflict")
          yield* refusedAs(kubernetes.apply(planned, { dryRun: true }), "Conflict")
          const now = yield* kubernetes.get(target)
          assert.notStrictEqual((now["spec"] as { readonly suspend?: boolean }).suspend, true)
          const again = patch(
            target,
            replace("/metadata/resourceVersion", now.metadata.resourceVersion),
            replace("/spec/suspend", true)
          )
          assert.strictEqual((yield* kubernetes.apply(again))!.metadata.generation, 2)
        })
      )

      it.effect("a dry run answers the changed object and stores nothing", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const namespace = yield* space("dry")
          const made = yield* create(namespace, cronJob("nightly"))
          const target = refOf(made)
          const changed = (yield* kubernetes.apply(patch(target, replace("/spec/suspend", true)), { dryRun: true }))!
          assert.isTrue((changed["spec"] as { readonly suspend?: boolean }).suspend)
          yield* kubernetes.apply(
            {
              _tag: "Create",
              ref: ref(namespace, "ConfigMap", "ghost"),
              manifest: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "ghost" } }
            },
            { dryRun: true }
          )
          yield* kubernetes.apply({ _tag: "Delete", ref: target, uid: made.metadata.uid }, { dryRun: true })
          assert.strictEqual((yield* kubernetes.get(target)).metadata.resourceVersion, made.metadata.resourceVersion)
          yield* refusedAs(kubernetes.get(ref(namespace, "ConfigMap", "ghost")), "NotFound")
        })
      )

      it.effect("what would be invalid is refused with its fields, dry run or not", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const namespace = yield* space("invalid")
          const target = refOf(yield* create(namespace, deployment("web", { replicas: 0 })))
          const fields = (change: Change) =>
            Effect.gen(function* () {
              yield* refusedAs(kubernetes.apply(change, { dryRun: true }), "Invalid")
              const reason = yield* refusedAs(kubernetes.apply(change), "Invalid")
              return reason._tag === "Invalid" ? reason.fields : []
            })
          assert.deepStrictEqual(yield* fields(patch(target, replace("/spec/replicas", -1))), ["spec.replicas"])
          assert.deepStrictEqual(
            yield* fields(
              patch(
                target,
                replace("/spec/template/spec/containers/0/resources", {
                  requests: { memory: "2Gi" },
                  limits: { memory: "1Gi" }
                })
              )
            ),
            ["spec.template.spec.containers[0].resources.requests"]
          )
          assert.include(
            yield* fields(patch(target, replace("/spec/template/metadata/labels", { app: "other" }))),
            "spec.template.metadata.labels"
          )
          assert.include(
            yield* fields(
              patch(
                target,
                replace("/spec/selector/matchLabels", { app: "other" }),
                replace("/spec/template/metadata/labels", { app: "other" })
              )
            ),
            "spec.selector"
          )
          yield* fields(patch(target, replace("/spec/no/such/path", 1)))
          yield* fields(patch(target, { op: "remove", path: "/metadata/annotations/never-there" }))
          assert.strictEqual((yield* kubernetes.get(target)).metadata.generation, 1)
        })
      )

      it.effect("an autoscaler may not have its minimum above its maximum", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const namespace = yield* space("hpa")
          const made = yield* create(namespace, {
            apiVersion: "autoscaling/v2",
            kind: "HorizontalPodAutoscaler",
            metadata: { name: "web" },
            spec: {
              scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
              minReplicas: 2,
              maxReplicas: 5
            }
          })
          yield* refusedAs(kubernetes.apply(patch(refOf(made), replace("/spec/maxReplicas", 1))), "Invalid")
          const raised = yield* kubernetes.apply(patch(refOf(made), replace("/spec/maxReplicas", 8)))
          assert.strictEqual((raised as HorizontalPodAutoscaler).spec.maxReplicas, 8)
        })
      )

      it.effect("a volume claim can be made larger where its class allows it, and never smaller", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const namespace = yield* space("claim")
          for (const [kind, grows] of [
            ["elastic", true],
            ["fixed", false]
          ] as const) {
            const className = `${fixtures.run}-${kind}`
            yield* create("", {
              apiVersion: "storage.k8s.io/v1",
              kind: "StorageClass",
              metadata: { name: className },
              provisioner: "example.com/none",
              allowVolumeExpansion: grows
            })
            yield* create("", {
              apiVersion: "v1",
              kind: "PersistentVolume",
              metadata: { name: className },
              spec: {
                capacity: { storage: "5Gi" },
                accessModes: ["ReadWriteOnce"],
                storageClassName: className,
                hostPath: { path: "/tmp/none" },
                claimRef: { namespace, name: kind }
              }
            })
            const made = yield* create(namespace, {
              apiVersion: "v1",
              kind: "PersistentVolumeClaim",
              metadata: { name: kind },
              spec: {
                accessModes: ["ReadWriteOnce"],
                storageClassName: className,
                volumeName: className,
                resources: { requests: { storage: "5Gi" } }
              }
            })
            yield* eventually(
              `claim ${kind} is bound`,
              kubernetes.get(refOf(made)),
              (claim) => (claim as PersistentVolumeClaim).status?.phase === "Bound"
            )
            const resize = (storage: string) =>
              kubernetes.apply(patch(refOf(made), replace("/spec/resources/requests/storage", storage)), {
                dryRun: true
              })
            yield* refusedAs(resize("1Gi"), "Invalid")
            if (grows) yield* resize("9Gi")
            else yield* refusedAs(resize("9Gi"), "PolicyDenied")
          }
        })
      )

      it.effect("a pod beyond a quota is refused with the quota's name", () =>
        Effect.gen(function* () {
          const namespace = yield* space("quota")
          yield* create(namespace, {
            apiVersion: "v1",
            kind: "ResourceQuota",
            metadata: { name: "small" },
            spec: { hard: { pods: "1" } }
          })
          const kubernetes = yield* KubernetesClient
          yield* eventually(
            "the quota is in force",
            Effect.map(kubernetes.get(ref(namespace, "ResourceQuota", "small")), (quota) => quota),
            (quota) =>
              !fixtures.live || (quota["status"] as { readonly hard?: unknown } | undefined)?.hard !== undefined
          )
          yield* create(namespace, pod("one"))
          const reason = yield* refusedAs(create(namespace, pod("two")), "QuotaExceeded")
          assert.deepStrictEqual(reason, { _tag: "QuotaExceeded", quota: "small" })
        })
      )

      it.effect("a Deployment becomes ready, and its state has its pods and the addresses of its Service", () =>
        Effect.gen(function* () {
          const namespace = yield* space("ready")
          yield* create(namespace, {
            apiVersion: "v1",
            kind: "Service",
            metadata: { name: "web" },
            spec: { selector: { app: "web" }, ports: [{ port: 80 }] }
          })
          const made = yield* running(namespace, { replicas: 3 })
          const state = yield* eventually("three addresses", readWorkload(refOf(made)), (each) => each.endpoints === 3)
          assert.isTrue(state.exists)
          assert.strictEqual(state.revision, 1)
          assert.strictEqual(state.restarts, 0)
          assert.isTrue(state.pods.every((each) => each.ready && each.reason === null))
          assert.deepInclude(state.conditions, {
            type: "Available",
            status: "True",
            reason: "MinimumReplicasAvailable"
          })
          assert.isFalse((yield* readWorkload(ref(namespace, "Deployment", "absent"))).exists)
        })
      )

      it.effect("the root owner of a Deployment's pod is the Deployment, of a bare pod the pod", () =>
        Effect.gen(function* () {
          const owners = yield* OwnerResolver.OwnerResolver
          const namespace = yield* space("owner")
          yield* running(namespace, { name: "web" })
          yield* running(namespace, { name: "web-admin" })
          for (const app of ["web", "web-admin"]) {
            for (const each of yield* podsOf(namespace, app))
              assert.deepStrictEqual(yield* owners.resolve(refOf(each)), ref(namespace, "Deployment", app))
          }
          const bare = yield* create(namespace, pod("alone"))
          assert.deepStrictEqual(yield* owners.resolve(refOf(bare)), refOf(bare))
        })
      )

      it.effect("a new image rolls out to a new ReplicaSet and the next revision", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const namespace = yield* space("rollout")
          const made = yield* running(namespace)
          yield* kubernetes.apply(patch(refOf(made), image("v2")))
          assert.strictEqual((yield* settled(refOf(made), 2)).revision, 2)
          const sets = yield* kubernetes.list("ReplicaSet", { namespace })
          const replicas = new Map(
            sets.map((set) => [
              set.metadata.annotations?.["deployment.kubernetes.io/revision"],
              (set["spec"] as { readonly replicas?: number }).replicas
            ])
          )
          assert.deepStrictEqual([...replicas].sort(), [
            ["1", 0],
            ["2", 2]
          ])
        })
      )

      it.effect(
        "a bad rollout crash-loops with rising restarts while old pods serve; putting the old template back heals it",
        () =>
          Effect.gen(function* () {
            const kubernetes = yield* KubernetesClient
            const namespace = yield* space("undo")
            const made = yield* running(namespace, { replicas: 4 })
            const target = refOf(made)
            const old = (yield* kubernetes.get(target)) as Deployment
            yield* kubernetes.apply(patch(target, image("bad-v2")))
            const stuck = yield* eventually("crash loop", readWorkload(target), (state) => (state.restarts ?? 0) >= 3)
            assert.strictEqual(stuck.revision, 2)
            assert.strictEqual(stuck.readyReplicas, 3)
            assert.strictEqual(stuck.updatedReplicas, 2)
            assert.deepStrictEqual(
              [...new Set(stuck.pods.filter((each) => !each.ready).map((each) => each.reason))],
              ["CrashLoopBackOff"]
            )
            yield* eventually(
              "restarts rise",
              readWorkload(target),
              (state) => (state.restarts ?? 0) > (stuck.restarts ?? 0)
            )
            yield* kubernetes.apply(patch(target, replace("/spec/template", old.spec.template)))
            const healed = yield* settled(target, 4)
            assert.strictEqual(healed.revision, 3)
            assert.strictEqual(healed.restarts, 0)
            const sets = yield* kubernetes.list("ReplicaSet", { namespace })
            assert.lengthOf(sets, 2, "the ReplicaSet of the old template is used again")
          })
      )

      it.effect("pods above their memory limit are OOM-killed, and a higher limit heals them", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const namespace = yield* space("oom")
          const target = refOf(
            yield* create(namespace, deployment("web", { annotations: { "sim/memory-need": "512Mi" } }))
          )
          const killed = yield* eventually(
            "OOM kills",
            readWorkload(target),
            (state) => state.pods.length === 2 && state.pods.every((each) => each.restarts > 0)
          )
          assert.isTrue(killed.pods.every((each) => each.reason === "OOMKilled"))
          yield* kubernetes.apply(
            patch(target, replace("/spec/template/spec/containers/0/resources/limits/memory", "1Gi"))
          )
          assert.strictEqual((yield* settled(target, 2)).restarts, 0)
        })
      )

      it.effect("the replica count is followed up, down and to zero", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const namespace = yield* space("scale")
          const target = refOf(yield* running(namespace))
          for (const replicas of [5, 1, 0]) {
            yield* kubernetes.apply(patch(target, replace("/spec/replicas", replicas)))
            yield* settled(target, replicas)
          }
          const events = yield* kubernetes.list("Event", {
            namespace,
            involvedObject: { kind: "Deployment", name: "web" }
          })
          assert.include(
            events.map((each) => each["reason"]),
            "ScalingReplicaSet"
          )
          assert.isEmpty(
            yield* kubernetes.list("Event", { namespace, involvedObject: { kind: "Deployment", name: "other" } })
          )
        })
      )

      it.effect("an annotation on the pod template restarts every pod", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const namespace = yield* space("restart")
          const target = refOf(yield* running(namespace, { annotations: { note: "x" } }))
          const before = new Set((yield* podsOf(namespace, "web")).map((each) => each.metadata.uid))
          yield* kubernetes.apply(
            patch(target, {
              op: "add",
              path: "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt",
              value: "2026-11-24T03:00:00Z"
            })
          )
          const after = (yield* settled(target, 2)).pods.map((each) => each.uid)
          assert.isEmpty(after.filter((uid) => before.has(uid)))
        })
      )

      it.effect("an evicted pod is replaced; a uid that is not its own leaves it alone", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const namespace = yield* space("evict")
          const target = refOf(yield* running(namespace))
          const [victim] = yield* podsOf(namespace, "web")
          yield* refusedAs(kubernetes.apply(evict(victim!, uncreatedUid)), "Conflict")
          assert.isUndefined(yield* kubernetes.apply(evict(victim!), { dryRun: true }))
          assert.strictEqual((yield* kubernetes.get(refOf(victim!))).metadata.deletionTimestamp, undefined)
          assert.isUndefined(yield* kubernetes.apply(evict(victim!)))
          yield* eventually(
            "the pod is gone",
            podsOf(namespace, "web"),
            (pods) => !pods.some((each) => each.metadata.uid === victim!.metadata.uid)
          )
          yield* settled(target, 2)
        })
      )

      it.effect("a disruption budget refuses an eviction, and two budgets for one pod refuse it for good", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const namespace = yield* space("budget")
          yield* running(namespace)
          yield* create(namespace, budget("first", "web", 1))
          const allowed = (count: number) =>
            eventually(
              `budget allows ${count}`,
              kubernetes.get(ref(namespace, "PodDisruptionBudget", "first")),
              (each) => {
                const { status, metadata } = each as PodDisruptionBudget
                return (
                  status?.disruptionsAllowed === count
                  && status.observedGeneration === metadata.generation
                  && status.expectedPods === 2
                )
              }
            )
          yield* allowed(1)
          const [one] = yield* podsOf(namespace, "web")
          yield* kubernetes.apply(evict(one!), { dryRun: true })
          yield* kubernetes.apply(
            patch(ref(namespace, "PodDisruptionBudget", "first"), replace("/spec/minAvailable", 2))
          )
          yield* allowed(0)
          yield* refusedAs(kubernetes.apply(evict(one!)), "DisruptionBudget", true)
          yield* create(namespace, budget("second", "web", 1))
          const both = yield* refusal(kubernetes.apply(evict(one!)))
          assert.isFalse(both.retryable)
          assert.deepStrictEqual(both.reason, { _tag: "Unavailable", status: 500 })
          assert.isUndefined((yield* kubernetes.get(refOf(one!))).metadata.deletionTimestamp)
          // A budget that stayed would hold up every later drain on this cluster.
          for (const each of yield* kubernetes.list("PodDisruptionBudget", { namespace }))
            yield* kubernetes.apply({ _tag: "Delete", ref: refOf(each), uid: each.metadata.uid })
        })
      )

      it.effect("a delete needs the right uid and takes what the object owns with it", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const namespace = yield* space("delete")
          const made = yield* running(namespace)
          yield* refusedAs(kubernetes.apply({ _tag: "Delete", ref: refOf(made), uid: uncreatedUid }), "Conflict")
          assert.isUndefined(yield* kubernetes.apply({ _tag: "Delete", ref: refOf(made), uid: made.metadata.uid }))
          yield* refusedAs(kubernetes.get(refOf(made)), "NotFound")
          yield* eventually("its pods are gone", podsOf(namespace, "web"), (pods) => pods.length === 0)
          assert.isEmpty(yield* kubernetes.list("ReplicaSet", { namespace }))
        })
      )

      it.effect(
        "a pod that loses its labels leaves its owner and its Service, and is replaced; given back, one too many goes",
        () =>
          Effect.gen(function* () {
            const kubernetes = yield* KubernetesClient
            const namespace = yield* space("quarantine")
            yield* create(namespace, {
              apiVersion: "v1",
              kind: "Service",
              metadata: { name: "web" },
              spec: { selector: { app: "web" }, ports: [{ port: 80 }] }
            })
            const target = refOf(yield* running(namespace))
            const [suspect] = yield* podsOf(namespace, "web")
            const labels = suspect!.metadata.labels!
            yield* kubernetes.apply(patch(refOf(suspect!), replace("/metadata/labels", { quarantine: "true" })))
            const state = yield* eventually(
              "two other pods serve",
              readWorkload(target),
              (each) => each.endpoints === 2 && each.pods.length === 2 && each.readyReplicas === 2
            )
            assert.notInclude(
              state.pods.map((each) => each.uid),
              suspect!.metadata.uid
            )
            const kept = yield* eventually(
              "the pod has no owner",
              kubernetes.get(refOf(suspect!)),
              (each) => each.metadata.ownerReferences === undefined
            )
            assert.isTrue(isPodReady(kept as Pod))
            yield* kubernetes.apply(patch(refOf(suspect!), replace("/metadata/labels", labels)))
            yield* eventually(
              "one too many goes",
              podsOf(namespace, "web"),
              (pods) => pods.length === 2 && pods.every(isPodReady)
            )
            yield* settled(target, 2)
          })
      )

      it.effect("a cordoned node takes no new pods and keeps those it has", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const namespace = yield* space("cordon")
          const target = refOf(yield* running(namespace))
          const [one] = yield* podsOf(namespace, "web")
          const node = ref("", "Node", one!.spec.nodeName!)
          yield* kubernetes.apply(patch(node, { op: "add", path: "/spec/unschedulable", value: true }))
          assert.isTrue((yield* readWorkload(node)).unschedulable)
          yield* kubernetes.apply(patch(target, replace("/spec/replicas", 8)))
          yield* settled(target, 8)
          const there = (yield* podsOf(namespace, "web")).filter((each) => each.spec.nodeName === node.name)
          assert.isAtMost(there.length, 2)
          assert.include(
            there.map((each) => each.metadata.uid),
            one!.metadata.uid
          )
          yield* kubernetes.apply(patch(node, { op: "remove", path: "/spec/unschedulable" }))
          assert.notStrictEqual(((yield* kubernetes.get(node)) as Node).spec?.unschedulable, true)
        })
      )

      it.effect("a StatefulSet starts in order, and a new template replaces its pods under their names", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const namespace = yield* space("stateful")
          const made = yield* create(namespace, {
            apiVersion: "apps/v1",
            kind: "StatefulSet",
            metadata: { name: "db" },
            spec: {
              replicas: 2,
              serviceName: "db",
              selector: { matchLabels: { app: "db" } },
              template: template("db", "v1")
            }
          })
          const before = yield* settled(refOf(made), 2)
          assert.deepStrictEqual(before.pods.map((each) => each.name).sort(), ["db-0", "db-1"])
          yield* kubernetes.apply(patch(refOf(made), image("v2")))
          const after = yield* eventually(
            "both are new",
            readWorkload(refOf(made)),
            (state) =>
              state.updatedReplicas === 2
              && state.readyReplicas === 2
              && state.pods.length === 2
              && state.pods.every((each) => !before.pods.some((old) => old.uid === each.uid))
          )
          assert.deepStrictEqual(after.pods.map((each) => each.name).sort(), ["db-0", "db-1"])
          assert.lengthOf(yield* kubernetes.list("ControllerRevision", { namespace }), 2)
        })
      )

      it.effect("a StatefulSet whose first pod does not become ready makes no second", () =>
        Effect.gen(function* () {
          const namespace = yield* space("ordered")
          const made = yield* create(namespace, {
            apiVersion: "apps/v1",
            kind: "StatefulSet",
            metadata: { name: "db" },
            spec: {
              replicas: 2,
              serviceName: "db",
              selector: { matchLabels: { app: "db" } },
              template: template("db", "bad-v1")
            }
          })
          const stuck = yield* eventually(
            "the first pod crash-loops",
            readWorkload(refOf(made)),
            (state) => (state.restarts ?? 0) >= 2
          )
          assert.deepStrictEqual(
            stuck.pods.map((each) => each.name),
            ["db-0"]
          )
        })
      )

      it.effect("a Job runs to its end", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const namespace = yield* space("job")
          const made = yield* create(namespace, {
            apiVersion: "batch/v1",
            kind: "Job",
            metadata: { name: "once" },
            spec: { template: { spec: { restartPolicy: "Never", containers: [container("v1")] } } }
          })
          const done = yield* eventually("the Job is complete", readWorkload(refOf(made)), (state) =>
            state.conditions.some((each) => each.type === "Complete" && each.status === "True")
          )
          assert.strictEqual(done.desiredReplicas, 1)
          const [worker] = yield* kubernetes.list("Pod", { namespace, labelSelector: { "job-name": "once" } })
          assert.deepStrictEqual(yield* (yield* OwnerResolver.OwnerResolver).resolve(refOf(worker!)), refOf(made))
        })
      )

      it.effect("logs are the last lines of a running container", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const namespace = yield* space("logs")
          yield* running(namespace)
          const [one] = yield* podsOf(namespace, "web")
          const all = yield* kubernetes.logs(refOf(one!), { container: "main", tailLines: 100 })
          const last = yield* kubernetes.logs(refOf(one!), { tailLines: 1 })
          assert.isNotEmpty(last)
          assert.isTrue(all.endsWith(last))
          assert.lengthOf(last.trimEnd().split("\n"), 1)
          yield* refusedAs(kubernetes.logs(refOf(one!), { container: "no-such-container", tailLines: 1 }), "Invalid")
        })
      )

      it.effect("a watch begins with what is there and goes on with every change in order", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const namespace = yield* space("watch")
          const map = (each: string): Json => ({
            apiVersion: "v1",
            kind: "ConfigMap",
            metadata: { name: each, labels: { app: "watched" } },
            data: { n: "0" }
          })
          const first = yield* create(namespace, map("first"))
          const seen: Array<string> = []
          const note = ({ type, object }: WatchEvent) => {
            seen.push(`${type} ${object.kind} ${object.metadata.name} ${(object["data"] as { readonly n?: string }).n}`)
          }
          const watching = yield* Effect.forkChild(
            Stream.runForEach(
              kubernetes.watch("ConfigMap", { namespace, labelSelector: { app: "watched" } }),
              (event) => Effect.sync(() => note(event))
            )
          )
          const sees = (line: string) =>
            eventually(
              line,
              Effect.sync(() => seen),
              (lines) => lines.includes(line)
            )
          yield* sees("ADDED ConfigMap first 0")
          const second = yield* create(namespace, map("second"))
          yield* create(namespace, {
            apiVersion: "v1",
            kind: "ConfigMap",
            metadata: { name: "unseen" },
            data: { n: "0" }
          })
          yield* kubernetes.apply(patch(refOf(first), replace("/data/n", "1")))
          yield* kubernetes.apply(patch(refOf(second), replace("/metadata/labels/app", "other")))
          yield* kubernetes.apply({ _tag: "Delete", ref: refOf(first), uid: first.metadata.uid })
          yield* sees("DELETED ConfigMap first 1")
          yield* Fiber.interrupt(watching)
          assert.deepStrictEqual(seen, [
            "ADDED ConfigMap first 0",
            "ADDED ConfigMap second 0",
            "MODIFIED ConfigMap first 1",
            "DELETED ConfigMap second 0",
            "DELETED ConfigMap first 1"
          ])
        })
      )

      it.effect("a watch sees what controllers and pods do without anybody asking", () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const namespace = yield* space("watchpods")
          const ready = yield* Effect.forkChild(
            kubernetes.watch("Pod", { namespace }).pipe(
              Stream.filter(({ object }) => isPodReady(object as Pod)),
              Stream.take(2),
              Stream.runCollect
            )
          )
          yield* create(namespace, deployment("web"))
          yield* eventually(
            "both pods are seen to be ready",
            Effect.sync(() => ready.pollUnsafe()),
            (exit) => exit !== undefined
          )
          const events = yield* Fiber.join(ready)
          assert.lengthOf(Arr.dedupe(events.map(({ object }) => object.metadata.name)), 2)
        })
      )
    })
  })
}

const cronJob = (name: string): Json => ({
  apiVersion: "batch/v1",
  kind: "CronJob",
  metadata: { name },
  spec: {
    schedule: "0 3 29 2 *",
    suspend: false,
    jobTemplate: { spec: { template: { spec: { restartPolicy: "Never", containers: [container("v1")] } } } }
  }
})

/** How long one `pass` of a real cluster is. */
export const livePass = Effect.sleep(Duration.millis(200))
