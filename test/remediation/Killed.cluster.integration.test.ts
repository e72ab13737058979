/**
 * The service process, killed by `kill -9` while a write of it is under way: of an action, and of its undo. The process
 * that follows it leaves everything consistent, and nothing is written twice: `metadata.generation` is the API server's
 * own count of changes to a spec.
 */

import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import type { KubernetesObject } from "@kubernetes/client-node"
import { Deferred, Effect } from "effect"
import { make as makeCluster, obstacle } from "../cases/RealCluster.ts"
import { webhookAbout } from "../intake/webhooks.ts"
import { start, temporaryDirectory, until } from "../integration/Service.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"
import { make as makePath } from "../kubernetes/HeldPath.ts"

const plane = await controlPlane()
afterAll(plane.stop)

const note = obstacle(plane)
const cluster = makeCluster(plane)
const run = process.hrtime.bigint().toString(36)

type Manifest = KubernetesObject & Readonly<Record<string, unknown>>

const image = (tag: string) => `registry.example/app:${tag}`

const deployment = (namespace: string, tag: string): Manifest => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { namespace, name: "pay" },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: "pay" } },
    template: {
      metadata: { labels: { app: "pay" } },
      spec: { containers: [{ name: "main", image: image(tag), resources: { limits: { memory: "64Mi" } } }] }
    }
  }
})

/** A bad rollout of a Deployment that was healthy, and a pod that crash-loops. */
const badRollout = Effect.fnUntraced(function* (namespace: string) {
  yield* cluster.createAll(
    { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
    deployment(namespace, "v1")
  )
  yield* until("pay is ready", cluster.deployment(namespace, "pay"), ({ status }) => status?.readyReplicas === 2)
  yield* cluster.patch(deployment(namespace, "bad-v2"))
  const isLooping = (pod: {
    readonly status?: {
      readonly containerStatuses?: ReadonlyArray<{
        readonly state?: { readonly waiting?: { readonly reason: string } }
      }>
    }
  }) => pod.status?.containerStatuses?.some(({ state }) => state?.waiting?.reason === "CrashLoopBackOff") === true
  const pods = yield* until("a crash loop", cluster.pods(namespace, "pay"), (all) => all.some(isLooping))
  return pods.find(isLooping)!.metadata!.name!
})

describe.skipIf(note !== "")(`the service process on a real API server${note}`, () => {
  it.live.each([
    ["before the API server has stored it", false],
    ["after the API server has stored it, before the response arrives", true]
  ] as const)(
    "that is killed while it writes, %s, is followed by one that ends what it began, with one write",
    ([, stored]) =>
      Effect.scoped(
        Effect.gen(function* () {
          const namespace = `killed-${stored ? "stored" : "unstored"}-${run}`
          const pod = yield* badRollout(namespace)
          const path = yield* makePath(plane.kubeconfig, namespace)
          const settings = {
            KUBERNAUT_CLUSTER: "kubeconfig",
            KUBERNAUT_CLUSTER_NAME: "test",
            KUBERNAUT_MODE: "auto",
            KUBERNAUT_STEADY_FOR: "2 seconds",
            KUBERNAUT_DATABASE_URL: `sqlite:${join(yield* temporaryDirectory, "kubernaut.db")}`,
            KUBECONFIG: path.kubeconfig
          }
          const read = cluster.deployment(namespace, "pay")
          const before = yield* read

          /** Starts the service, and kills it when its next write arrives at the API server. */
          const killedAtWrite = Effect.fnUntraced(function* <A>(
            begin: (service: Effect.Success<ReturnType<typeof start>>) => Effect.Effect<A>
          ) {
            const service = yield* start(settings)
            const arrived = yield* Deferred.make<void>()
            const ended = Promise.withResolvers<void>()
            path.onArrival = async () => {
              path.onArrival = () => Promise.resolve()
              if (stored) path.hold()
              Deferred.doneUnsafe(arrived, Effect.void)
              if (!stored) await ended.promise
            }
            const { metadata } = yield* read
            const result = yield* begin(service)
            yield* Deferred.await(arrived)
            if (stored) yield* until("the write", read, (now) => now.metadata!.generation !== metadata!.generation)
            yield* service.kill
            path.cut()
            ended.resolve()
            return result
          })

          const id = yield* killedAtWrite(({ post }) =>
            Effect.map(
              post(webhookAbout([{ alertname: "KubePodCrashLooping", namespace, pod, container: "main" }])),
              ([result]) => result!.remediationId!
            )
          )
          const second = yield* start(settings)
          const applied = yield* second.ended(id)
          assert.strictEqual(applied.state, "Remediated", applied.conclusion)
          const after = yield* read
          assert.strictEqual(after.metadata!.generation, before.metadata!.generation! + 1)
          assert.strictEqual(after.spec.template.spec.containers[0]!.image, image("v1"))
          assert.strictEqual(path.arrivals.length, stored ? 1 : 2)
          yield* second.stop

          yield* killedAtWrite(({ send }) =>
            Effect.map(
              send(`/api/v1/remediations/${id}/rollback`, { json: { reason: "a test" } }),
              ({ status, text }) => assert.strictEqual(status, 202, text)
            )
          )
          const fourth = yield* start(settings)
          const undone = yield* fourth.ended(id)
          assert.strictEqual(undone.state, "RolledBack", undone.conclusion)
          const last = yield* read
          assert.deepStrictEqual(last.spec, before.spec)
          assert.strictEqual(last.metadata!.generation, before.metadata!.generation! + 2)
          assert.strictEqual(path.arrivals.length, stored ? 2 : 4)
          assert.strictEqual(undone.rollback?.attempts.length, 1)
        })
      ),
    180_000
  )
})
