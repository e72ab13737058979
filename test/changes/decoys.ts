/** Decoys for the real API server: changes after which nothing may be written. */

import { Effect } from "effect"
import type { Decoy } from "./faultHarness.ts"

const mismatch = { alertname: "KubeDeploymentReplicasMismatch", deployment: "checkout" }
const errors = { alertname: "HighErrorRate", deployment: "checkout" }

const toZero: Decoy["does"] = ({ set }) => set("Deployment", "checkout", "/spec/replicas", 0)
const empty: Decoy["shows"] = ({ state }) => state(({ pods }) => pods.length === 0)

export const decoys: ReadonlyArray<Decoy> = [
  {
    decoy: "a change of a ConfigMap that nothing reads",
    before: ({ add }) => add("ConfigMap", "of-others", { data: { a: "1" } }),
    does: ({ set }) => set("ConfigMap", "of-others", "/data/a", "2"),
    labels: () => errors
  },
  {
    decoy: "a change of an annotation",
    does: ({ set }) => set("Deployment", "checkout", "/metadata/annotations/team", "payments"),
    labels: () => errors
  },
  {
    decoy: "a change after the alert began",
    does: toZero,
    shows: empty,
    startedSecondsAgo: 60,
    labels: () => errors
  },
  {
    decoy: "a change of GitOps",
    by: "argocd-controller",
    does: toZero,
    shows: empty,
    labels: () => mismatch,
    says: "GitOps"
  },
  {
    decoy: "a change of an object that GitOps declares",
    before: ({ set }) =>
      set("Deployment", "checkout", "/metadata/annotations/argocd.argoproj.io~1tracking-id", "shop:apps/Deployment:x"),
    does: toZero,
    shows: empty,
    labels: () => mismatch
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
    says: "only a person can tell which one it is"
  },
  {
    decoy: "an alert about pods that are well, after a change that has done no harm",
    does: ({ set }) => set("Deployment", "checkout", "/spec/replicas", 4),
    shows: ({ state }) => state(({ readyReplicas }) => readyReplicas === 4),
    labels: () => ({ alertname: "KubePodNotReady", deployment: "checkout" })
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
    labels: () => mismatch
  },
  {
    decoy: "a change of a controller",
    by: "keda-operator",
    does: toZero,
    shows: empty,
    labels: () => mismatch
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
    labels: () => errors
  },
  {
    decoy: "no change at all",
    does: ({ crash }) => crash,
    labels: (_, pod) => ({ alertname: "KubePodCrashLooping", pod })
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
    labels: () => ({ alertname: "KubePersistentVolumeClaimPending", persistentvolumeclaim: "data" })
  },
  {
    decoy: "an alert that is only information",
    does: toZero,
    shows: empty,
    labels: () => ({ ...mismatch, severity: "info" })
  },
  {
    decoy: "a change in another namespace",
    before: ({ add }) => add("ConfigMap", "elsewhere", { data: { a: "1" } }),
    does: ({ elsewhere }) => elsewhere,
    labels: () => errors
  }
]
