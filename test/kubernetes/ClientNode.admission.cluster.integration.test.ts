/** Refusals that only a real API server makes: RBAC, admission policies, Pod Security and LimitRanges. */

import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { CoreV1Api, KubeConfig, KubernetesObjectApi } from "@kubernetes/client-node"
import { Effect, Fiber, Layer, Schedule } from "effect"
import type { Change } from "../../src/domain/Change.ts"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import { KubernetesClient, type KubernetesError, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { controlPlane } from "./controlPlane.ts"

const plane = await controlPlane()
const namespace = `admission-${process.hrtime.bigint().toString(36)}`
const directory = join(tmpdir(), `kubernaut-${namespace}`)

const admin = Layer.orDie(ClientNode.layer({ kubeconfig: plane.kubeconfig }))
const agentKubeconfig = join(directory, "agent.kubeconfig")
const agent = Layer.orDie(ClientNode.layer({ kubeconfig: agentKubeconfig }))

const adminConfig = (): KubeConfig => {
  const config = new KubeConfig()
  config.loadFromFile(plane.kubeconfig)
  return config
}

const container = (
  resources: Record<string, unknown> = { limits: { memory: "64Mi", cpu: "100m" } },
  rest: Record<string, unknown> = {}
) => ({ name: "main", image: "registry.example/app:v1", resources, ...rest })
const pod = (name: string, spec: Record<string, unknown>): Change => ({
  _tag: "Create",
  ref: { namespace, kind: "Pod", name },
  manifest: { apiVersion: "v1", kind: "Pod", metadata: { name }, spec } as Extract<
    Change,
    { _tag: "Create" }
  >["manifest"]
})
const web = { namespace, kind: "Deployment", name: "web" }
const scale = (replicas: number): Change => ({
  _tag: "Patch",
  ref: web,
  patch: [{ op: "replace", path: "/spec/replicas", value: replicas }]
})

const manifests = [
  {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: namespace, labels: { "pod-security.kubernetes.io/enforce": "baseline" } }
  },
  {
    apiVersion: "v1",
    kind: "LimitRange",
    metadata: { name: "limits", namespace },
    spec: { limits: [{ type: "Container", max: { memory: "2Gi" } }] }
  },
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers: [container()] } }
    }
  },
  { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "agent", namespace } },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata: { name: "agent", namespace },
    rules: [{ apiGroups: ["apps"], resources: ["deployments"], verbs: ["get"] }]
  },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name: "agent", namespace },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "agent" },
    subjects: [{ kind: "ServiceAccount", name: "agent", namespace }]
  },
  {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingAdmissionPolicy",
    metadata: { name: namespace },
    spec: {
      matchConstraints: {
        resourceRules: [
          { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["deployments"] }
        ]
      },
      validations: [{ expression: "object.spec.replicas <= 5", message: "too many" }]
    }
  },
  {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: { name: namespace },
    spec: {
      policyName: namespace,
      validationActions: ["Deny"],
      matchResources: { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } }
    }
  },
  // An unreachable webhook for the ConfigMaps of this namespace.
  {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: namespace },
    webhooks: [
      {
        name: "absent.example.com",
        clientConfig: { url: "https://127.0.0.1:1/validate" },
        rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["configmaps"] }],
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
        admissionReviewVersions: ["v1"],
        sideEffects: "None",
        failurePolicy: "Fail",
        timeoutSeconds: 2
      }
    ]
  }
]

const writeKubeconfig = (path: string, token: string): void => {
  const { caData, server } = adminConfig().getCurrentCluster()!
  writeFileSync(
    path,
    JSON.stringify({
      clusters: [{ name: "c", cluster: { server, "certificate-authority-data": caData } }],
      users: [{ name: "u", user: { token } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x"
    })
  )
}

const refused = (change: Change, layer: Layer.Layer<KubernetesClient>) =>
  Effect.flatMap(KubernetesClient, (kubernetes) => Effect.flip(kubernetes.apply(change, { dryRun: true }))).pipe(
    Effect.provide(layer)
  )

/** Admission rules take effect about a second after they are created. */
const onceRefused = (change: Change): Effect.Effect<KubernetesError, KubernetesObject | undefined> =>
  Effect.retry(refused(change, admin), { schedule: Schedule.spaced("200 millis"), times: 50 })

describe.skipIf(!plane.available)(`ClientNode on a real API server${plane.note}`, () => {
  beforeAll(async () => {
    mkdirSync(directory)
    const api = KubernetesObjectApi.makeApiClient(adminConfig())
    for (const manifest of manifests) await api.create(manifest)
    const request = { namespace, name: "agent", body: { spec: { audiences: [], expirationSeconds: 600 } } }
    const { status } = await adminConfig().makeApiClient(CoreV1Api).createNamespacedServiceAccountToken(request)
    writeKubeconfig(agentKubeconfig, status?.token ?? "")
  })
  afterAll(async () => {
    rmSync(directory, { recursive: true })
    const api = KubernetesObjectApi.makeApiClient(adminConfig())
    for (const manifest of manifests) if (!("namespace" in manifest.metadata)) await api.delete(manifest)
    await plane.stop()
  })

  it.live("reports an RBAC refusal of a write and of a read as Forbidden", () =>
    Effect.gen(function* () {
      const error = yield* refused(scale(2), agent)
      const missing = {
        user: `system:serviceaccount:${namespace}:agent`,
        verb: "patch",
        resource: "deployments",
        group: "apps",
        namespace
      }
      assert.deepStrictEqual(
        [error.reason, error.applied, error.retryable],
        [{ _tag: "Forbidden", missing }, "no", false]
      )
      const nodes = yield* Effect.flatMap(KubernetesClient, (kubernetes) =>
        Effect.flip(kubernetes.list("Node", {}))
      ).pipe(Effect.provide(agent))
      assert.strictEqual(nodes.reason._tag, "Forbidden")
      const readable = yield* Effect.flatMap(KubernetesClient, (kubernetes) => kubernetes.get(web)).pipe(
        Effect.provide(agent)
      )
      assert.strictEqual(readable.metadata.name, "web")
    })
  )

  it.live("reports an invalid token as Unauthorized", () =>
    Effect.gen(function* () {
      const kubeconfig = join(directory, "wrong.kubeconfig")
      writeKubeconfig(kubeconfig, "not-a-token")
      const error = yield* refused(scale(2), Layer.orDie(ClientNode.layer({ kubeconfig })))
      assert.strictEqual(error.reason._tag, "Unauthorized")
    })
  )

  it.live("reports a refusal by a LimitRange as QuotaExceeded, without the name of a quota", () =>
    Effect.gen(function* () {
      const error = yield* refused(
        pod("huge", { containers: [container({ limits: { memory: "4Gi", cpu: "1" } })] }),
        admin
      )
      assert.deepStrictEqual(error.reason, { _tag: "QuotaExceeded" })
    })
  )

  it.live("reports a refusal by Pod Security as PolicyDenied, with its level", () =>
    Effect.gen(function* () {
      const error = yield* refused(
        pod("privileged", { containers: [container(undefined, { securityContext: { privileged: true } })] }),
        admin
      )
      assert.deepStrictEqual(error.reason, {
        _tag: "PolicyDenied",
        policy: `PodSecurity "baseline:latest"`,
        by: "pod-security"
      })
    })
  )

  it.live(
    "reports a refusal by a ValidatingAdmissionPolicy as PolicyDenied, with its name, although the status is 422",
    () =>
      Effect.gen(function* () {
        const error = yield* onceRefused(scale(50))
        assert.deepStrictEqual(error.reason, {
          _tag: "PolicyDenied",
          policy: namespace,
          by: "admission-policy",
          binding: namespace
        })
      })
  )

  it.live("reports an unreachable webhook as Unavailable, not applied and retryable", () =>
    Effect.gen(function* () {
      const error = yield* onceRefused({
        _tag: "Create",
        ref: { namespace, kind: "ConfigMap", name: "x" },
        manifest: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x" } }
      })
      assert.deepStrictEqual(
        [error.reason, error.applied, error.retryable],
        [{ _tag: "Unavailable", status: 500, because: "webhook", webhook: "absent.example.com" }, "no", true]
      )
    })
  )

  it.live("applies one of several patches planned on the same version, and reports the others as Conflict", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const before = yield* kubernetes.get(web)
      const planned = (n: number): Change => ({
        _tag: "Patch",
        ref: web,
        patch: [
          { op: "replace", path: "/metadata/resourceVersion", value: before.metadata.resourceVersion },
          { op: "add", path: "/metadata/labels", value: { winner: String(n) } }
        ]
      })
      const fibers = yield* Effect.forEach([1, 2, 3, 4, 5], (n) =>
        Effect.forkChild(Effect.result(kubernetes.apply(planned(n))))
      )
      const results = yield* Effect.forEach(fibers, Fiber.join)
      const won = results.flatMap((result, index) => (result._tag === "Success" ? [String(index + 1)] : []))
      assert.lengthOf(won, 1)
      assert.isTrue(results.every((result) => result._tag === "Success" || result.failure.reason._tag === "Conflict"))
      assert.strictEqual((yield* kubernetes.get(web)).metadata.labels?.["winner"], won[0])
    }).pipe(Effect.provide(admin))
  )
})
