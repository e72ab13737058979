/** Decoys for the real API server in which something fails besides: a registry, a zone, or the watches of the service. */

import { Effect } from "effect"
import * as Timestamp from "../../src/domain/Timestamp.ts"
import type { Decoy } from "./decoys.ts"
import type { Place } from "./faultHarness.ts"
import { kubelet } from "./kubelet.ts"

/** The API server states times in whole seconds. */
const now = Effect.map(Timestamp.now, (time) => `${time.slice(0, 19)}Z`)

const broken: Decoy["does"] = ({ set }) => set("ConfigMap", "checkout-config", "/data/PAYMENT_URL", "htp:/payment")

/** The pods with this image cannot pull it. */
const cannotPull = ({ namespace, plane, pods }: Place, image: string) =>
  Effect.gen(function* () {
    const failing = (yield* pods).filter(({ spec }) => spec.containers[0]?.image === image)
    for (const { metadata } of failing)
      yield* kubelet(plane).cannotPull(namespace, metadata.name, { name: "app", image }, yield* now)
  })

const zoneOf = (namespace: string) => `zone-${namespace}`
const nodesOf = (namespace: string) => [`${namespace}-1`, `${namespace}-2`]

const inZone: NonNullable<Decoy["before"]> = ({ add, namespace, state }) =>
  Effect.gen(function* () {
    for (const name of nodesOf(namespace))
      yield* add("Node", name, {}, { labels: { "topology.kubernetes.io/zone": zoneOf(namespace) } })
    yield* add("Deployment", "payment", {
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: "payment" } },
        template: {
          metadata: { labels: { app: "payment" } },
          spec: {
            nodeSelector: { "topology.kubernetes.io/zone": zoneOf(namespace) },
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
    yield* state(({ readyReplicas }) => readyReplicas === 2, ["Deployment", "payment"])
  })

/** Every node of the zone goes silent, and its pods are not ready. */
const zoneGoesDown: NonNullable<Decoy["shows"]> = ({ namespace, plane, podsOf, state }) =>
  Effect.gen(function* () {
    const { goesSilent, isLost } = kubelet(plane)
    for (const name of nodesOf(namespace)) yield* goesSilent(name, yield* now)
    for (const { metadata } of yield* podsOf("payment")) yield* isLost(namespace, metadata.name, yield* now)
    yield* state(({ readyReplicas }) => readyReplicas === 0, ["Deployment", "payment"])
  })

const unknown = "It is not known whether something changed since"

export const decoysOfOutages: ReadonlyArray<Decoy> = [
  {
    decoy: "a new image while its registry is out",
    does: ({ patch }) =>
      patch(
        "Deployment",
        "checkout",
        { op: "add", path: "/spec/template/metadata/annotations", value: { "sim/ready-delay": "600s" } },
        { op: "replace", path: "/spec/template/spec/containers/0/image", value: "registry.example/checkout:v2" }
      ),
    shows: (place) =>
      Effect.gen(function* () {
        yield* place.state(({ updatedReplicas }) => updatedReplicas === 1)
        yield* cannotPull(place, "registry.example/checkout:v2")
        yield* place.state(({ pods }) => pods.some(({ reason }) => reason === "ErrImagePull"))
      }),
    labels: () => ({ alertname: "KubeDeploymentRolloutStuck", deployment: "checkout" }),
    says: ["The registry registry.example cannot be reached.", "checkout:v1", "checkout:v2"]
  },
  {
    decoy: "a change of a ConfigMap just before the registry of the pods was out",
    does: broken,
    shows: (place) =>
      Effect.gen(function* () {
        yield* cannotPull(place, "registry.example/checkout:v1")
        yield* place.state(({ readyReplicas }) => readyReplicas === 0)
      }),
    labels: (_, pod) => ({ alertname: "KubePodNotReady", pod }),
    says: ["The registry registry.example cannot be reached.", "htp:/payment"]
  },
  {
    decoy: "a change that was made while nobody watched",
    unwatched: { kind: "NetworkPolicy", still: false },
    does: ({ set }) => set("NetworkPolicy", "checkout", "/spec/ingress", []),
    labels: () => ({ alertname: "HighErrorRate", deployment: "checkout" }),
    says: ["at a time between", "that nobody watched", "Nobody watched when it was made", "These were not watched"],
    neverSays: "nothing changed"
  },
  {
    decoy: "a change that nobody has seen, since nobody watches",
    unwatched: { kind: "NetworkPolicy", still: true },
    does: ({ set }) => set("NetworkPolicy", "checkout", "/spec/ingress", []),
    labels: () => ({ alertname: "HighErrorRate", deployment: "checkout" }),
    says: [unknown, "NetworkPolicy from"],
    neverSays: "nothing changed"
  },
  {
    decoy: "a change of a ConfigMap just before a whole zone was down",
    before: inZone,
    does: broken,
    shows: zoneGoesDown,
    labels: () => ({ alertname: "KubePodNotReady", deployment: "payment" }),
    says: ["are on nodes that are not ready", "No node of zone zone-", "htp:/payment"],
    after: ({ namespace, remove }) => Effect.forEach(nodesOf(namespace), (name) => remove("Node", name))
  }
]
