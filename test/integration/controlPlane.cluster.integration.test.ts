/**
 * The service on a real API server, checked by the objects and the audit log of that server.
 *
 * Each service has its own ServiceAccount with exactly the rights that the test grants, so the audit log attributes
 * every write.
 */

import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { KubeConfig, type KubernetesObject, KubernetesObjectApi } from "@kubernetes/client-node"
import { Effect, type Scope } from "effect"
import type { RemediationDetail } from "../../src/http/Responses.ts"
import { webhookAbout } from "../intake/webhooks.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"
import { type Identity, make as makeIdentity, patchable, readable } from "./ClusterIdentity.ts"
import { type Environment, type Service, start, until } from "./Service.ts"

const plane = await controlPlane()
afterAll(plane.stop)

const auditLog = join(dirname(plane.kubeconfig), "log/audit.log")
// A cluster that the user provides runs real pods and keeps its audit log elsewhere.
const simulated = plane.available && existsSync(auditLog)
const note = plane.available && !simulated ? " (skipped: this cluster has no simulated pods)" : plane.note

// Unique per run, so that a control plane can be reused.
const run = `whole-${process.hrtime.bigint().toString(36)}`

interface Deployment extends KubernetesObject {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: ReadonlyArray<{
          readonly image: string
          readonly resources: { readonly limits: { readonly memory: string } }
        }>
      }
    }
  }
  readonly status?: { readonly availableReplicas?: number; readonly updatedReplicas?: number }
}

interface Pod extends KubernetesObject {
  readonly status?: {
    readonly containerStatuses?: ReadonlyArray<{
      readonly restartCount: number
      readonly state?: { readonly waiting?: { readonly reason: string } }
      readonly lastState?: { readonly terminated?: { readonly reason: string } }
    }>
  }
}

/** One request in the audit log of the API server. */
interface AuditLine {
  readonly verb: string
  readonly requestURI: string
  readonly user: { readonly username: string }
  readonly objectRef?: { readonly resource: string; readonly namespace?: string; readonly name?: string }
  readonly responseStatus?: { readonly code: number }
}

const admin = () => {
  const config = new KubeConfig()
  config.loadFromFile(plane.kubeconfig)
  return config
}

const call = <A>(ask: (api: KubernetesObjectApi) => Promise<unknown>): Effect.Effect<A> =>
  Effect.promise(() => ask(KubernetesObjectApi.makeApiClient(admin())) as Promise<A>)

const create = (object: KubernetesObject & Readonly<Record<string, unknown>>) =>
  Effect.asVoid(call((api) => api.create(object)))

const remove = (object: KubernetesObject) => Effect.asVoid(call((api) => api.delete(object)))

const deploymentRef = (namespace: string, name: string) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { namespace, name }
})

const read = (namespace: string, name: string) => call<Deployment>((api) => api.read(deploymentRef(namespace, name)))

const pods = (namespace: string, app: string) =>
  Effect.map(
    call<{ readonly items: ReadonlyArray<Pod> }>((api) =>
      api.list("v1", "Pod", namespace, undefined, undefined, undefined, undefined, `app=${app}`)
    ),
    ({ items }) => items
  )

const setImage = (namespace: string, name: string, image: string) =>
  call((api) =>
    api.patch({
      ...deploymentRef(namespace, name),
      spec: { template: { spec: { containers: [{ name: "main", image }] } } }
    } as KubernetesObject)
  )

/** Creates a namespace that is ready for pods. */
const space = Effect.fnUntraced(function* (suffix: string): Effect.fn.Return<string, never, Scope.Scope> {
  const name = `${run}-${suffix}`
  const object = { apiVersion: "v1", kind: "Namespace", metadata: { name } }
  yield* Effect.acquireRelease(create(object), () => remove(object))
  yield* until(
    "a ServiceAccount",
    call<{ readonly items: ReadonlyArray<KubernetesObject> }>((api) => api.list("v1", "ServiceAccount", name)),
    ({ items }) => items.length > 0
  )
  return name
})

interface App {
  readonly tag: string
  readonly annotations?: Readonly<Record<string, string>>
}

const image = (tag: string) => `registry.example/app:${tag}`

const deploy = (namespace: string, name: string, { annotations = {}, tag }: App) =>
  create({
    ...deploymentRef(namespace, name),
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name }, annotations },
        spec: {
          containers: [
            {
              name: "main",
              image: image(tag),
              resources: { requests: { cpu: "10m", memory: "64Mi" }, limits: { memory: "256Mi" } }
            }
          ]
        }
      }
    }
  })

const reasonsOf = (pod: Pod): ReadonlyArray<string | undefined> =>
  (pod.status?.containerStatuses ?? []).flatMap(({ lastState, state }) => [
    state?.waiting?.reason,
    lastState?.terminated?.reason
  ])

/** The name of the first pod that fails for this reason. */
const failingPod = (namespace: string, app: string, reason: string) =>
  Effect.map(
    until(
      `${reason} in ${app}`,
      Effect.map(pods(namespace, app), (all) => all.filter((pod) => reasonsOf(pod).includes(reason))),
      (found) => found.length > 0
    ),
    ([pod]) => pod!.metadata!.name!
  )

/** Creates a healthy Deployment, rolls out a bad image, and returns a crash-looping pod. */
const badRollout = Effect.fnUntraced(function* (namespace: string, name: string) {
  yield* deploy(namespace, name, { tag: "v1" })
  yield* until(`${name} is available`, read(namespace, name), ({ status }) => status?.availableReplicas === 3)
  yield* setImage(namespace, name, image("bad-v2"))
  return yield* failingPod(namespace, name, "CrashLoopBackOff")
})

const serve = ({ kubeconfig }: Identity, settings: Environment = {}) =>
  start({
    KUBERNAUT_CLUSTER: "kubeconfig",
    KUBERNAUT_CLUSTER_NAME: "test",
    KUBERNAUT_STEADY_FOR: "10 seconds",
    KUBECONFIG: kubeconfig,
    ...settings
  })

/** The audit log of an identity, complete up to now. */
const recordOf = Effect.fnUntraced(function* ({ username }: Identity, namespace: string) {
  const marker = { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace, name: "everything-before-is-written" } }
  yield* create(marker)
  const lines = yield* until(
    "the marker in the audit log",
    Effect.sync(() =>
      readFileSync(auditLog, "utf8")
        .split("\n")
        .filter((line) => line.includes(namespace))
        .map((line) => JSON.parse(line) as AuditLine)
    ),
    (all) => all.some(({ objectRef }) => objectRef?.name === marker.metadata.name && objectRef.namespace === namespace)
  )
  return lines.filter(({ user }) => user.username === username)
})

const isDryRun = ({ requestURI }: AuditLine): boolean => requestURI.includes("dryRun=All")

const asWords = ({ objectRef, responseStatus, verb }: AuditLine): string =>
  `${verb} ${objectRef?.resource} ${objectRef?.name} ${responseStatus?.code}`

const podAlert = (namespace: string, pod: string) => ({
  alertname: "KubePodCrashLooping",
  namespace,
  pod,
  container: "main",
  job: "kube-state-metrics"
})

const idsOf = (service: Service, ...alerts: ReadonlyArray<Readonly<Record<string, string>>>) =>
  Effect.map(service.post(webhookAbout(alerts)), (results) => results.map(({ remediationId }) => remediationId!))

describe.skipIf(!simulated)(`the service on a real API server${note}`, () => {
  it.live(
    "mode auto rolls back a bad rollout and raises the memory limit after an OOM kill, with one write each",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const namespace = yield* space("auto")
          const self = yield* makeIdentity(admin(), namespace, [...readable, ...patchable])
          // Two Deployments at the same time, one name being a prefix of the other.
          const [pay, payApi, , service] = yield* Effect.all(
            [
              badRollout(namespace, "pay"),
              badRollout(namespace, "pay-api"),
              deploy(namespace, "hungry", { tag: "v1", annotations: { "sim/memory-need": "300Mi" } }),
              serve(self, { KUBERNAUT_MODE: "auto" })
            ],
            { concurrency: "unbounded" }
          )
          const hungry = yield* failingPod(namespace, "hungry", "OOMKilled")

          const ids = yield* idsOf(
            service,
            podAlert(namespace, pay),
            podAlert(namespace, payApi),
            podAlert(namespace, hungry)
          )
          const ended = yield* Effect.forEach(ids, service.ended, { concurrency: "unbounded" })
          assert.deepStrictEqual(
            ended.map(({ conclusion, state }) => [state, conclusion?.split(":")[0]]),
            [
              ["Remediated", "settled"],
              ["Remediated", "settled"],
              ["Remediated", "settled"]
            ]
          )
          assert.deepStrictEqual(
            ended.map(({ target }) => target),
            ["pay", "pay-api", "hungry"].map((name) => ({ cluster: "test", namespace, kind: "Deployment", name })),
            "each remediation has its own Deployment as target"
          )
          assert.deepStrictEqual(
            ended.map(({ decision }) => decision!.action.type),
            ["RollbackDeployment", "RollbackDeployment", "AdjustResources"]
          )

          for (const [index, name] of ["pay", "pay-api", "hungry"].entries()) {
            const deployment = yield* read(namespace, name)
            const [container] = deployment.spec.template.spec.containers
            assert.strictEqual(container!.image, image("v1"))
            assert.strictEqual(container!.resources.limits.memory, name === "hungry" ? "384Mi" : "256Mi")
            assert.strictEqual(deployment.metadata!.annotations!["kubernaut.dev/execution"], `${ids[index]}-1`)
            assert.deepInclude(deployment.status, { availableReplicas: 3, updatedReplicas: 3 })
          }
          const record = yield* recordOf(self, namespace)
          assert.deepStrictEqual(
            record
              .filter((line) => !isDryRun(line))
              .map(asWords)
              .sort(),
            ["patch deployments hungry 200", "patch deployments pay 200", "patch deployments pay-api 200"]
          )
          assert.deepStrictEqual(
            record
              .filter(isDryRun)
              .map((line) => asWords(line).replace(/-dry-run-\w+/, ""))
              .sort(),
            [
              "create pods hungry 201",
              "create pods pay 201",
              "create pods pay-api 201",
              "patch deployments hungry 200",
              "patch deployments pay 200",
              "patch deployments pay-api 200"
            ],
            "each write follows a dry run of itself and of a pod"
          )
          assert.isTrue(record.every(({ requestURI }) => requestURI.includes("fieldManager=kubernaut")))
          assert.notInclude(service.log(), self.token)
        })
      ),
    180_000
  )

  it.live(
    "the default mode only observes a real cluster, and a missing right ends Escalated with an explanation",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const [watched, narrow] = yield* Effect.all([space("observe"), space("narrow")], { concurrency: 2 })
          const observer = yield* makeIdentity(admin(), watched, [...readable, ...patchable])
          const reader = yield* makeIdentity(admin(), narrow, readable)
          const stranger = yield* makeIdentity(admin(), yield* space("stranger"), [])
          const [one, other, observing, refused, blind] = yield* Effect.all(
            [
              badRollout(watched, "pay"),
              badRollout(narrow, "pay"),
              serve(observer),
              serve(reader, { KUBERNAUT_MODE: "auto" }),
              serve(stranger, { KUBERNAUT_MODE: "auto" })
            ],
            { concurrency: "unbounded" }
          )

          const [seenId] = yield* idsOf(observing, podAlert(watched, one))
          const seen: RemediationDetail = yield* observing.ended(seenId!)
          assert.strictEqual(seen.state, "Observed")
          assert.deepInclude(seen.decision!.action, {
            type: "RollbackDeployment",
            target: { namespace: watched, kind: "Deployment", name: "pay" }
          })
          assert.deepStrictEqual(seen.executions, [])
          assert.strictEqual((yield* read(watched, "pay")).spec.template.spec.containers[0]!.image, image("bad-v2"))
          assert.deepStrictEqual((yield* recordOf(observer, watched)).map(asWords), [], "there is no dry run either")

          const [refusedId] = yield* idsOf(refused, podAlert(narrow, other))
          const ended: RemediationDetail = yield* refused.ended(refusedId!)
          assert.strictEqual(ended.state, "Escalated")
          assert.match(ended.conclusion!, /RBAC .*patch deployments\.apps.*Deployment .*pay/)
          assert.deepStrictEqual(ended.executions, [])
          assert.strictEqual((yield* read(narrow, "pay")).spec.template.spec.containers[0]!.image, image("bad-v2"))
          const record = yield* recordOf(reader, narrow)
          assert.deepStrictEqual(record.map(asWords), [], "a write that would be forbidden is not tried")

          // A target that cannot be read leads to no action.
          const [unseenId] = yield* idsOf(blind, podAlert(narrow, other))
          const unseen: RemediationDetail = yield* blind.ended(unseenId!)
          assert.strictEqual(unseen.state, "Escalated")
          assert.match(unseen.conclusion!, /could not be read/)
          assert.notMatch(
            unseen.conclusion!,
            /not the newest rollout/,
            "the conclusion makes no claim about the unread state"
          )
          assert.deepStrictEqual(unseen.executions, [])
          assert.strictEqual((yield* blind.send("/readyz")).status, 200)

          for (const text of [JSON.stringify([ended, unseen]), refused.log(), blind.log()]) {
            for (const { token } of [reader, stranger]) assert.notInclude(text, token)
            // Who is refused is named for the person who grants the right; the words of the API server are not repeated.
            assert.notInclude(text, "cannot get resource")
            assert.notInclude(text, "cannot patch resource")
          }
        })
      ),
    180_000
  )
})
