/**
 * One person's change of a running shop on a real API server, its alert, and what the service makes of it without a
 * model: the harness of `ChangeFaults.cluster.integration.test.ts`.
 */

import { assert } from "@effect/vitest"
import { Clock, Effect, Layer, Schedule } from "effect"
import type { Change } from "../../src/domain/Change.ts"
import type { ResourceRef } from "../../src/domain/Target.ts"
import * as Timestamp from "../../src/domain/Timestamp.ts"
import { find as resourceOf } from "../../src/kubernetes/ApiResource.ts"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import {
  find,
  KubernetesClient,
  type KubernetesError,
  type KubernetesObject
} from "../../src/kubernetes/KubernetesClient.ts"
import type { Pod } from "../../src/kubernetes/ObjectModel.ts"
import { readWorkload } from "../../src/kubernetes/WorkloadReader.ts"
import { unlimited } from "../decision/unlimited.ts"
import { meant } from "../execution/realChanges.ts"
import { eventually } from "../execution/realCluster.ts"
import { service } from "../remediation/realRemediation.ts"
import { secretsOf } from "./secrets.ts"
import { Sight } from "./Sight.ts"

type Json = Extract<Change, { _tag: "Create" }>["manifest"]
type Patch = Extract<Change, { _tag: "Patch" }>["patch"]

/** What somebody does through a client. */
export type Does = Effect.Effect<unknown, KubernetesError, KubernetesClient>

/** A person's client: the API server records another field manager. */
export const person = (kubeconfig: string, fieldManager = "kubectl-edit") =>
  Layer.orDie(ClientNode.layer({ kubeconfig, fieldManager }))

const clusterScoped = new Set([
  "Node",
  "Namespace",
  "ClusterRole",
  "ClusterRoleBinding",
  "PriorityClass",
  "ValidatingWebhookConfiguration",
  "MutatingWebhookConfiguration"
])

/** The objects of one fault: a namespace of its own. `plane` is the kubeconfig of those who report what pods do. */
export const placeOf = (namespace: string, plane = "") => {
  const on = (kind: string, name: string): ResourceRef => ({
    namespace: clusterScoped.has(kind) ? "" : namespace,
    kind,
    name
  })
  const apply = (change: Change) => Effect.flatMap(KubernetesClient, (client) => client.apply(change))
  const add = (kind: string, name: string, rest: Json, metadata: Json = {}) => {
    const ref = on(kind, name)
    return apply({
      _tag: "Create",
      ref,
      manifest: { apiVersion: resourceOf(kind)!.apiVersion, kind, metadata: { name, ...metadata }, ...rest }
    })
  }
  const patch = (kind: string, name: string, ...operations: Patch) =>
    apply({ _tag: "Patch", ref: on(kind, name), patch: operations })
  const set = (kind: string, name: string, path: string, value: Json[string]) =>
    patch(kind, name, { op: "add", path, value: value! })
  const remove = (kind: string, name: string) =>
    Effect.flatMap(KubernetesClient, (client) =>
      Effect.flatMap(client.get(on(kind, name)), ({ metadata: { uid } }) =>
        client.apply({ _tag: "Delete", ref: on(kind, name), uid })
      )
    )
  const get = (kind: string, name: string) => Effect.flatMap(KubernetesClient, (client) => find(client, on(kind, name)))
  const podsOf = (app: string) =>
    Effect.flatMap(KubernetesClient, (client) =>
      Effect.map(client.list("Pod", { namespace, labelSelector: { app } }), (all) =>
        (all as ReadonlyArray<Pod>).filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      )
    )
  const pods = podsOf("checkout")
  /** The containers of the pods crash from now on, as they would with what was changed. */
  const crashOf = (app: string) =>
    Effect.gen(function* () {
      for (const { metadata } of yield* podsOf(app))
        yield* patch("Pod", metadata.name, {
          op: "add",
          path: "/metadata/annotations",
          value: { ...metadata.annotations, "sim/fail": "crashloop" }
        })
      yield* state((seen) => seen.readyReplicas === 0, ["Deployment", app])
    })
  const crash = crashOf("checkout")
  /** Somebody does something in another namespace. */
  const elsewhere = Effect.flatMap(KubernetesClient, (client) =>
    Effect.flatMap(client.get({ namespace: "default", kind: "ServiceAccount", name: "default" }), ({ metadata }) =>
      client.apply({
        _tag: "Patch",
        ref: { namespace: "default", kind: "ServiceAccount", name: "default" },
        patch: [{ op: "add", path: "/metadata/labels", value: { ...metadata.labels, touched: namespace } }]
      })
    )
  )
  let picked = ""
  /** One node of the cluster. Another fault of the same one would wait for a cooldown. */
  const node = (index: number) =>
    Effect.flatMap(KubernetesClient, (client) =>
      Effect.map(client.list("Node", {}), (nodes) => (picked = nodes[index]!.metadata.name))
    )
  const nodeName = () => picked
  /** All pods are replaced, as in a night. */
  const replacePods = Effect.gen(function* () {
    const client = yield* KubernetesClient
    for (const { metadata } of yield* pods)
      yield* client.apply({ _tag: "Delete", ref: on("Pod", metadata.name), uid: metadata.uid })
  })
  /** Waits for a state of the Deployment, or of another workload. */
  const state = (
    holds: (seen: Effect.Success<ReturnType<typeof readWorkload>>) => boolean,
    [kind, name]: readonly [kind: string, name: string] = ["Deployment", "checkout"]
  ) => eventually("the symptom", readWorkload(on(kind, name)), holds)
  /** All pods are replaced, and the API server refuses the new ones. */
  const refusedPods = Effect.andThen(
    replacePods,
    state(({ failedCreate }) => typeof failedCreate === "string")
  )
  return {
    namespace,
    plane,
    on,
    add,
    patch,
    set,
    remove,
    get,
    pods,
    podsOf,
    crash,
    crashOf,
    elsewhere,
    node,
    nodeName,
    refusedPods,
    replacePods,
    state
  }
}
export type Place = ReturnType<typeof placeOf>

const labels = { app: "checkout" }
const podLabels = { ...labels, tier: "web" }

/** The shop before the fault: a Deployment that serves, and everything around it. */
export const openShop = ({ add, namespace, state }: Place) =>
  Effect.gen(function* () {
    yield* add("Namespace", namespace, {})
    yield* add("ServiceAccount", "checkout", {})
    yield* add("ConfigMap", "checkout-config", { data: { PAYMENT_URL: "http://payment:8080", LEVEL: "info" } })
    yield* add("Role", "checkout", { rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list"] }] })
    yield* add("RoleBinding", "checkout", {
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "checkout" },
      subjects: [{ kind: "ServiceAccount", name: "checkout", namespace }]
    })
    yield* add("ResourceQuota", "team", { spec: { hard: { pods: "20" } } })
    yield* add("LimitRange", "team", { spec: { limits: [{ type: "Container", max: { memory: "1Gi" } }] } })
    yield* add("Service", "checkout", { spec: { selector: podLabels, ports: [{ port: 80, targetPort: 8080 }] } })
    yield* add("NetworkPolicy", "checkout", {
      spec: { podSelector: { matchLabels: labels }, policyTypes: ["Ingress"], ingress: [{ ports: [{ port: 8080 }] }] }
    })
    yield* add("PodDisruptionBudget", "checkout", {
      spec: { minAvailable: 1, selector: { matchLabels: labels } }
    })
    yield* add("Ingress", "web", {
      spec: {
        rules: [
          {
            host: "shop.example.com",
            http: {
              paths: [
                { path: "/", pathType: "Prefix", backend: { service: { name: "checkout", port: { number: 80 } } } }
              ]
            }
          }
        ]
      }
    })
    yield* add("CronJob", "report", {
      spec: {
        schedule: "0 0 1 1 *",
        jobTemplate: {
          spec: {
            template: {
              spec: { restartPolicy: "Never", containers: [{ name: "main", image: "registry.example/report:v1" }] }
            }
          }
        }
      }
    })
    yield* add("Deployment", "checkout", {
      spec: {
        replicas: 3,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels: podLabels },
          spec: {
            serviceAccountName: "checkout",
            containers: [
              {
                name: "app",
                image: "registry.example/checkout:v1",
                ports: [{ containerPort: 8080 }],
                envFrom: [{ configMapRef: { name: "checkout-config" } }],
                resources: { requests: { cpu: "10m", memory: "64Mi" }, limits: { memory: "256Mi" } },
                readinessProbe: { httpGet: { path: "/ready", port: 8080 } }
              }
            ]
          }
        }
      }
    }).pipe(Effect.retry({ times: 50, schedule: Schedule.spaced("100 millis") }))
    yield* add("HorizontalPodAutoscaler", "checkout", {
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "checkout" },
        minReplicas: 2,
        maxReplicas: 10,
        metrics: [
          { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } } }
        ]
      }
    })
    yield* state((seen) => seen.readyReplicas === 3 && seen.endpoints === 3)
  })

/** Gives back the nodes, and removes the namespace and what applies to the whole cluster. */
export const closeShop = ({ get, namespace, nodeName, patch, remove }: Place) =>
  Effect.gen(function* () {
    yield* Effect.ignore(remove("ValidatingWebhookConfiguration", `deny-${namespace}`))
    yield* Effect.ignore(remove("Namespace", namespace))
    if (nodeName() === "") return
    const { taints = [], unschedulable } = ((yield* get("Node", nodeName()))?.["spec"] ?? {}) as {
      readonly taints?: ReadonlyArray<{ readonly key: string }>
      readonly unschedulable?: boolean
    }
    if (unschedulable === true) yield* patch("Node", nodeName(), { op: "remove", path: "/spec/unschedulable" })
    if (taints.some(({ key }) => key === "gpu"))
      yield* patch("Node", nodeName(), { op: "remove", path: "/spec/taints" })
  }).pipe(Effect.ignore)

const compared = [
  "Namespace",
  "ServiceAccount",
  "ConfigMap",
  "Role",
  "RoleBinding",
  "ResourceQuota",
  "LimitRange",
  "Service",
  "NetworkPolicy",
  "PodDisruptionBudget",
  "Ingress",
  "CronJob",
  "Deployment",
  "StatefulSet",
  "HorizontalPodAutoscaler",
  "PersistentVolumeClaim",
  "Node",
  "ValidatingWebhookConfiguration"
]

/**
 * Everything that people mean, by name, in the namespace of the place, in those of the system, and in the whole
 * cluster. A restart leaves an annotation in the template.
 */
export const everything = ({ namespace, plane }: Place) =>
  Effect.gen(function* () {
    const client = yield* KubernetesClient
    const namespaces = [namespace, "default", "kube-system"]
    const found = yield* Effect.forEach(compared, (kind) =>
      clusterScoped.has(kind)
        ? client.list(kind, {})
        : Effect.map(
            Effect.forEach(namespaces, (each) => client.list(kind, { namespace: each })),
            (all) => all.flat()
          )
    )
    const secrets = plane === "" ? {} : yield* secretsOf(plane, namespace).all
    const objects = found
      .flat()
      .filter(({ kind, metadata: { name } }) => kind !== "Namespace" || name === namespace)
      .map((object) => [
        [object.kind, object.metadata.namespace ?? "", object.metadata.name].join(" "),
        meantBy(object)
      ])
    return { secrets, ...Object.fromEntries(objects) } as Readonly<Record<string, unknown>>
  })

/** Controllers write the rest: taints of nodes that come and go, and times. */
const meantBy = (object: KubernetesObject): unknown =>
  JSON.parse(JSON.stringify(meant(object), (key, value: unknown) => (isMeant(key, value) ? value : undefined)))

const isMeant = (key: string, value: unknown): boolean => {
  if (key === "kubectl.kubernetes.io/restartedAt" || key.startsWith("kubernaut.dev/") || key === "timeAdded")
    return false
  if (key === "annotations") return !Object.keys(value as object).every((each) => each.includes("restartedAt"))
  return key !== "taints" || !(value as ReadonlyArray<{ key: string }>).every((each) => each.key.startsWith("node."))
}

/** One fault: what a person does, how it shows, and the labels of its alert. */
export interface Fault {
  readonly fault: string
  readonly before?: (place: Place) => Does
  readonly does: (place: Place) => Does
  /** Waits for what the cluster shows. */
  readonly shows?: (place: Place) => Does
  readonly labels: (place: Place, pod: string) => Readonly<Record<string, string>>
  /** Whether a person has to approve. */
  readonly asks?: boolean
}

const isWrite = ({ dryRun, verb }: { readonly dryRun: boolean; readonly verb: string }): boolean =>
  !dryRun && ["patch", "evict", "create", "delete"].includes(verb)

/** A service without a model, in mode auto, that records changes. */
export const startService = Effect.fnUntraced(function* (kubeconfig: string, options: object = {}) {
  const writes: Array<{ readonly atMs: number; readonly what: string }> = []
  const sight = new Sight()
  const started = yield* service(
    { kubeconfig },
    {
      investigators: [],
      changes: {},
      guardrails: unlimited,
      // Controllers wait longer and longer before they try again to make a pod.
      verification: {
        stabilisation: "500 millis",
        settleTimeout: "40 seconds",
        rolloutTimeout: "1 minute",
        pollIntervalCap: "300 millis",
        alertQuiet: "1 second",
        alertTimeout: "50 seconds"
      },
      ...options
    } as never,
    (request, server) =>
      isWrite(request as never)
        ? Effect.andThen(
            Effect.map(Clock.currentTimeMillis, (atMs) => {
              writes.push({ atMs, what: `${(request as { verb: string }).verb}` })
            }),
            server
          )
        : server,
    sight.through
  )
  return { ...started, writes, sight }
})
export type Service = Effect.Success<ReturnType<typeof startService>>

/** Posts the alert, and waits for the end of the remediation. The alert ends once everything is as before. */
export const remediate = Effect.fnUntraced(function* (
  { begin, writes }: Service,
  place: Place,
  labels: Readonly<Record<string, string>>,
  before?: unknown,
  startedSecondsAgo = 0
) {
  const firstWrite = writes.length
  const startsAt = Timestamp.fromMillis((yield* Clock.currentTimeMillis) - startedSecondsAgo * 1000)
  const postedMs = yield* Clock.currentTimeMillis
  const run = yield* begin({
    labels: { namespace: place.namespace, ...labels },
    startsAt,
    propose: () => assert.fail()
  })
  if (before !== undefined)
    yield* Effect.forkScoped(
      Effect.andThen(
        run.written,
        Effect.andThen(
          eventually(
            "everything is as before",
            everything(place),
            (now) => JSON.stringify(now) === JSON.stringify(before)
          ),
          run.resolve
        )
      )
    )
  return {
    run,
    writes: () => writes.slice(firstWrite),
    firstWriteMs: () => {
      const first = writes[firstWrite]
      return first === undefined ? undefined : first.atMs - postedMs
    }
  }
})
