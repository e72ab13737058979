/** The objects on which the least role is tried, and what people do with them. */

import { Effect, Schedule } from "effect"
import type { ResourceRef } from "../../src/domain/Target.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { readWorkload } from "../../src/kubernetes/WorkloadReader.ts"
import * as real from "../execution/realCluster.ts"

const { namespace, on } = real

const selected = (name: string) => ({ selector: { matchLabels: { app: name } }, template: real.template(name) })

export const isReady = (ref: ResourceRef) =>
  real.eventually(
    `${ref.kind} ${ref.name} is ready`,
    readWorkload(ref),
    ({ desiredReplicas, readyReplicas }) => (desiredReplicas ?? 0) > 0 && readyReplicas === desiredReplicas
  )

/** Somebody releases another version. */
export const release = (ref: ResourceRef, tag: string) =>
  Effect.flatMap(KubernetesClient, (client) =>
    client.apply({
      _tag: "Patch",
      ref,
      patch: [{ op: "replace", path: "/spec/template/spec/containers/0/image", value: `registry.example/app:${tag}` }]
    })
  )

export const fixtures = Effect.gen(function* () {
  yield* real.create("Namespace", namespace, "v1", {})
  yield* real
    .create("Pod", "bare", "v1", {
      spec: { containers: [{ name: "main", image: "registry.example/app:v1" }] }
    })
    .pipe(Effect.retry({ times: 50, schedule: Schedule.spaced("100 millis") }))
  yield* real.deploy("web", 2)
  yield* real.create("StatefulSet", "db", "apps/v1", { spec: { serviceName: "db", replicas: 1, ...selected("db") } })
  yield* real.create("DaemonSet", "agent", "apps/v1", { spec: selected("agent") })
  yield* real.create("ReplicaSet", "alone", "apps/v1", { spec: { replicas: 1, ...selected("alone") } })
  yield* real.create("Job", "job", "batch/v1", {
    spec: {
      template: { spec: { restartPolicy: "Never", containers: [{ name: "m", image: "registry.example/app:v1" }] } }
    }
  })
  yield* real.createCronJob("report")
  yield* real.deploy("scaled", 1)
  yield* real.createAutoscaler("scaled", 4)
  yield* real.createClaim("data")
  for (const ref of [on("StatefulSet", "db"), on("DaemonSet", "agent")]) yield* isReady(ref)
  yield* release(on("Deployment", "web"), "bad-2")
  yield* real.eventually("web crash-loops", readWorkload(on("Deployment", "web")), ({ pods }) =>
    pods.some(({ restarts }) => restarts > 0)
  )
})

/** One object of each kind. */
export const existing: Readonly<Record<string, string>> = {
  Pod: "bare",
  Deployment: "web",
  StatefulSet: "db",
  DaemonSet: "agent",
  Job: "job",
  CronJob: "report",
  HorizontalPodAutoscaler: "scaled",
  PersistentVolumeClaim: "data"
}
