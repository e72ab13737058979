/** Decoys for the real API server: changes after which nothing may be written, and what a person is told of them. */

import { Effect } from "effect"
import { decoysOfOutages } from "./decoysOfOutages.ts"
import { type Does, type Place, placeOf } from "./faultHarness.ts"
import { secretsOf } from "./secrets.ts"

/** What must not lead to a write. */
export interface Decoy {
  readonly decoy: string
  readonly before?: (place: Place) => Does
  /** Waits until what was done before has settled. */
  readonly settles?: (place: Place) => Does
  /** A fault that the service takes back first: what a person does, how it shows, and the labels of its alert. */
  readonly remediated?: {
    readonly does: (place: Place) => Does
    readonly shows: (place: Place) => Does
    readonly labels: (place: Place, pod: string) => Readonly<Record<string, string>>
  }
  /** The kind that nobody watches while it happens, and whether nobody watches it at the alert either. */
  readonly unwatched?: { readonly kind: string; readonly still: boolean }
  /** The field manager of the change. Default: that of a person. */
  readonly by?: string
  readonly does: (place: Place) => Does
  readonly shows?: (place: Place) => Does
  readonly labels: (place: Place, pod: string) => Readonly<Record<string, string>>
  /** How long before the change the alert began. Default: it begins after the change. */
  readonly startedSecondsAgo?: number
  /** Parts of what a person is told. */
  readonly says: ReadonlyArray<string>
  /** What a person must not be told. */
  readonly neverSays?: string
  /** Gives back what lies outside of the namespace. */
  readonly after?: (place: Place) => Does
}

/** The service has just begun to watch, so what was before is not known: nothing is said to be unchanged. */
const unknown = ["It is not known whether something changed since", "These were not watched"]

const mismatch = { alertname: "KubeDeploymentReplicasMismatch", deployment: "checkout" }
const errors = { alertname: "HighErrorRate", deployment: "checkout" }

/** A namespace that is protected by default. */
const system = placeOf("kube-system")

const toZero: Decoy["does"] = ({ set }) => set("Deployment", "checkout", "/spec/replicas", 0)
const empty: Decoy["shows"] = ({ state }) => state(({ pods }) => pods.length === 0)

const decoysOfChanges: ReadonlyArray<Decoy> = [
  {
    decoy: "a change of a ConfigMap that nothing reads",
    before: ({ add }) => add("ConfigMap", "of-others", { data: { a: "1" } }),
    does: ({ set }) => set("ConfigMap", "of-others", "/data/a", "2"),
    labels: () => errors,
    says: unknown
  },
  {
    decoy: "a change of an annotation",
    does: ({ set }) => set("Deployment", "checkout", "/metadata/annotations/team", "payments"),
    labels: () => errors,
    says: unknown
  },
  {
    decoy: "a change after the alert began",
    does: toZero,
    shows: empty,
    startedSecondsAgo: 60,
    labels: () => errors,
    says: unknown
  },
  {
    decoy: "a change of GitOps",
    by: "argocd-controller",
    does: toZero,
    shows: empty,
    labels: () => mismatch,
    says: ["GitOps (argocd-controller) made it", "spec.replicas: 3 -> 0"]
  },
  {
    decoy: "a change of an object that GitOps declares",
    before: ({ set }) =>
      set("Deployment", "checkout", "/metadata/annotations/argocd.argoproj.io~1tracking-id", "shop:apps/Deployment:x"),
    does: toZero,
    shows: empty,
    labels: () => mismatch,
    says: ["is declared by", "spec.replicas: 3 -> 0"]
  },
  {
    decoy: "two changes that explain it alike",
    does: ({ set }) =>
      Effect.andThen(
        set("Service", "checkout", "/spec/selector", { app: "nobody" }),
        set("NetworkPolicy", "checkout", "/spec/ingress", [])
      ),
    shows: ({ state }) => state(({ endpoints }) => endpoints === null),
    labels: () => errors,
    says: ["only a person can tell which one it is", "NetworkPolicy", "Service"]
  },
  {
    decoy: "an alert about pods that are well, after a change that has done no harm",
    does: ({ set }) => set("Deployment", "checkout", "/spec/replicas", 4),
    shows: ({ state }) => state(({ readyReplicas }) => readyReplicas === 4),
    labels: () => ({ alertname: "KubePodNotReady", deployment: "checkout" }),
    says: ["4 of 4 replicas are ready"]
  },
  {
    decoy: "a rollout that is in progress",
    does: ({ patch }) =>
      patch(
        "Deployment",
        "checkout",
        { op: "add", path: "/spec/template/metadata/annotations", value: { "sim/ready-delay": "120s" } },
        { op: "replace", path: "/spec/template/spec/containers/0/image", value: "registry.example/checkout:v2" }
      ),
    shows: ({ state }) =>
      state(({ rollout, updatedReplicas }) => rollout?.inProgress === true && updatedReplicas === 1),
    labels: () => mismatch,
    says: ["is under way"]
  },
  {
    decoy: "a change of a controller",
    by: "keda-operator",
    does: toZero,
    shows: empty,
    labels: () => mismatch,
    says: ["keda-operator", "spec.replicas: 3 -> 0"]
  },
  {
    decoy: "a change that somebody has taken back before the alert",
    before: () => Effect.sleep("6 seconds"),
    does: ({ set }) =>
      Effect.andThen(
        set("Service", "checkout", "/spec/selector", { app: "nobody" }),
        Effect.andThen(
          Effect.sleep("1 second"),
          set("Service", "checkout", "/spec/selector", { app: "checkout", tier: "web" })
        )
      ),
    labels: () => errors,
    says: unknown
  },
  {
    decoy: "no change at all",
    does: ({ crash }) => crash,
    labels: (_, pod) => ({ alertname: "KubePodCrashLooping", pod }),
    says: unknown
  },
  {
    decoy: "the deletion of a claim, whose content nobody can create again",
    before: ({ add }) =>
      add("PersistentVolumeClaim", "data", {
        spec: {
          accessModes: ["ReadWriteOnce"],
          storageClassName: "none",
          resources: { requests: { storage: "1Gi" } }
        }
      }),
    does: ({ remove }) => remove("PersistentVolumeClaim", "data"),
    // A controller removes its finalizer later.
    shows: ({ state }) => state(({ exists }) => !exists, ["PersistentVolumeClaim", "data"]),
    labels: () => ({ alertname: "KubePersistentVolumeClaimPending", persistentvolumeclaim: "data" }),
    says: ["What a PersistentVolumeClaim holds cannot be created again"]
  },
  {
    decoy: "an alert that is only information",
    does: toZero,
    shows: empty,
    labels: () => ({ ...mismatch, severity: "info" }),
    says: ["Alerts of severity info are only monitored"]
  },
  {
    decoy: "a change in another namespace",
    before: ({ add }) => add("ConfigMap", "elsewhere", { data: { a: "1" } }),
    does: ({ elsewhere }) => elsewhere,
    labels: () => errors,
    says: unknown
  },
  {
    decoy: "a change of a Secret",
    before: ({ add, namespace, plane, state }) =>
      Effect.gen(function* () {
        yield* secretsOf(plane, namespace).add("payment", { url: "http://bank" })
        yield* add("Deployment", "payment", {
          spec: {
            replicas: 1,
            selector: { matchLabels: { app: "payment" } },
            template: {
              metadata: { labels: { app: "payment" } },
              spec: {
                containers: [
                  { name: "app", image: "registry.example/payment:v1", envFrom: [{ secretRef: { name: "payment" } }] }
                ]
              }
            }
          }
        })
        yield* state(({ readyReplicas }) => readyReplicas === 1, ["Deployment", "payment"])
      }),
    does: ({ namespace, plane }) => secretsOf(plane, namespace).set("payment", { url: "http://nobody" }),
    shows: ({ crashOf }) => crashOf("payment"),
    labels: () => ({ alertname: "KubePodCrashLooping", deployment: "payment" }),
    says: ["Secret", "The values of a Secret are not recorded: put the earlier one back"]
  },
  {
    decoy: "a change in a protected namespace",
    before: ({ namespace }) =>
      Effect.gen(function* () {
        yield* system.add("Deployment", namespace, {
          spec: {
            replicas: 1,
            selector: { matchLabels: { app: namespace } },
            template: {
              metadata: { labels: { app: namespace } },
              spec: { containers: [{ name: "app", image: "registry.example/dns:v1" }] }
            }
          }
        })
        yield* system.state(({ readyReplicas }) => readyReplicas === 1, ["Deployment", namespace])
      }),
    does: ({ namespace }) => system.set("Deployment", namespace, "/spec/replicas", 0),
    shows: ({ namespace }) => system.state(({ pods }) => pods.length === 0, ["Deployment", namespace]),
    labels: ({ namespace }) => ({ ...mismatch, namespace: "kube-system", deployment: namespace }),
    says: ["Namespace kube-system is protected, so nothing is written in it"],
    after: ({ namespace }) => system.remove("Deployment", namespace)
  },
  {
    decoy: "the scaling by an autoscaler, whose minimum somebody has raised",
    does: ({ set }) => set("HorizontalPodAutoscaler", "checkout", "/spec/minReplicas", 5),
    shows: ({ state }) => state(({ readyReplicas }) => readyReplicas === 5),
    labels: () => errors,
    says: unknown
  },
  {
    decoy: "our own earlier change",
    remediated: { does: toZero, shows: empty, labels: () => mismatch },
    does: () => Effect.void,
    labels: () => ({ alertname: "HighErrorRate", deployment: "checkout" }),
    says: ["spec.replicas: 3 -> 0", "The remediation rem-", "has taken it back at", "nothing is undone again"]
  },
  {
    decoy: "a change of a shared ConfigMap that another remediation has taken back",
    before: ({ add, state }) =>
      Effect.gen(function* () {
        yield* add("Deployment", "payment", {
          spec: {
            replicas: 1,
            selector: { matchLabels: { app: "payment" } },
            template: {
              metadata: { labels: { app: "payment" } },
              spec: {
                containers: [
                  {
                    name: "app",
                    image: "registry.example/payment:v1",
                    envFrom: [{ configMapRef: { name: "checkout-config" } }]
                  }
                ]
              }
            }
          }
        })
        yield* state(({ readyReplicas }) => readyReplicas === 1, ["Deployment", "payment"])
      }),
    remediated: {
      does: ({ set }) => set("ConfigMap", "checkout-config", "/data/PAYMENT_URL", "htp:/payment"),
      shows: ({ crash, crashOf }) => Effect.andThen(crash, crashOf("payment")),
      labels: (_, pod) => ({ alertname: "KubePodCrashLooping", pod, container: "app" })
    },
    does: () => Effect.void,
    labels: () => ({ alertname: "KubePodCrashLooping", deployment: "payment" }),
    says: ["ConfigMap", "htp:/payment", "The remediation rem-", "has taken it back at", "nothing is undone again"]
  },
  {
    decoy: "a change, by an alert of another cluster",
    does: toZero,
    shows: empty,
    labels: () => ({ ...mismatch, cluster: "elsewhere" }),
    says: ["names cluster elsewhere, and this service works on cluster real"]
  }
]

/** Those that nobody watches, and that remove nodes, are the last ones: every later alert has that in its record. */
export const decoys: ReadonlyArray<Decoy> = [...decoysOfChanges, ...decoysOfOutages]
