/** Plans and executions on the sandbox. */

import { Effect } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import type { Intent } from "../../src/domain/Execution.ts"
import { Executor, type PlanInput } from "../../src/execution/Executor.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"

export const on = (kind: string, name: string, namespace = "shop") => ({ namespace, kind, name })

export const checkout = on("Deployment", "checkout")
export const rollback: Action = { type: "RollbackDeployment", target: checkout }
export const drain: Action = { type: "DrainNode", target: on("Node", "node-1", "") }

/** Actions whose inverse is exact. */
export const exact: ReadonlyArray<Action> = [
  { type: "RollbackDeployment", target: on("Deployment", "checkout") },
  { type: "RollbackDeployment", target: on("Deployment", "checkout"), toRevision: 1 },
  { type: "ScaleWorkload", target: on("Deployment", "catalog"), replicas: 4 },
  { type: "ScaleWorkload", target: on("StatefulSet", "orders-db"), replicas: 3 },
  { type: "AdjustResources", target: on("Deployment", "cart"), container: "cart", limits: { memory: "512Mi" } },
  { type: "AdjustResources", target: on("StatefulSet", "orders-db"), container: "orders-db", requests: { cpu: "60m" } },
  { type: "PatchHpa", target: on("HorizontalPodAutoscaler", "search"), minReplicas: 3, maxReplicas: 8 },
  { type: "CordonNode", target: on("Node", "node-1", "") },
  { type: "SuspendCronJob", target: on("CronJob", "stock-report") }
]

const holds = Effect.succeed(true)

export const inputFor = (action: Action, target = action.target): PlanInput => ({
  action,
  target: { cluster: "test", ...target },
  remediationId: "r1",
  executionId: "r1-1",
  epoch: 1
})

export const planned = (action: Action, target = action.target, approved = false) =>
  Effect.flatMap(Executor, (executor) => {
    const input = inputFor(action, target)
    // An approval of everything that the plan asks.
    return approved ? Effect.map(executor.draft(input), ({ intent }) => intent) : executor.plan(input)
  })

export const executed = (intent: Intent) => Effect.flatMap(Executor, (executor) => executor.execute(intent, { holds }))

export const aPodOf = (app: string) =>
  Effect.flatMap(KubernetesClient, (client) =>
    Effect.map(client.list("Pod", { namespace: "shop", labelSelector: { app } }), ([first]) => {
      if (first === undefined) throw new Error(`The sandbox has no pod of ${app}`)
      return first
    })
  )

export const generationOf = Effect.flatMap(KubernetesClient, (client) =>
  Effect.map(client.get(checkout), (object) => object.metadata.generation)
)
