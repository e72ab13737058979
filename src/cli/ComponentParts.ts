/** The components of the status page. */

import { Effect, Layer, Option } from "effect"
import { HealthSupervisor } from "../health/HealthSupervisor.ts"
import * as Components from "../http/routes/Components.ts"
import { TargetMetrics } from "../investigation/evidence/TargetMetrics.ts"
import { InvestigationChain } from "../investigation/InvestigationChain.ts"
import * as Kubernaut from "../Kubernaut.ts"
import * as ClusterIdentity from "../kubernetes/ClusterIdentity.ts"
import { Notifications } from "../notification/Notifications.ts"
import { Supervised } from "../remediation/Supervised.ts"
import type * as Supervisor from "../resilience/supervision/Supervisor.ts"
import type { FaultInjection } from "../simulation/injection/FaultInjection.ts"
import { TraceExport } from "../telemetry/Tracing.ts"
import * as FiringAlerts from "../verification/FiringAlerts.ts"
import * as StorageParts from "./StorageParts.ts"

/** The status also reports children that the supervisor gave up on. */
const supervisorStatus = (children: ReadonlyArray<Supervisor.ChildStatus>) => {
  const missing = children
    .filter(({ status }) => status !== "running")
    .map(({ name, status }) => `${name} is ${status}`)
  return missing.length === 0 ? { status: "up" as const } : { status: "degraded" as const, message: missing.join("; ") }
}

/** Whether this is known to be the cluster that the database belongs to. */
const identityStatus = (state: ClusterIdentity.IdentityState) => {
  switch (state._tag) {
    case "Confirmed":
      return { status: "up" as const }
    case "Unconfirmed":
      return {
        status: "degraded" as const,
        message: "the uid of namespace kube-system has not been read yet, so nothing is written"
      }
    case "OtherCluster":
      return {
        status: "down" as const,
        message: `nothing is written: the database belongs to the cluster ${state.bound}, and this is ${state.found}`
      }
  }
}

/** The sinks of notifications, with what waits for each. */
const sinkParts = Effect.map(
  Effect.serviceOption(Notifications),
  Option.match({
    onNone: (): ReadonlyArray<Components.Part> => [],
    onSome: ({ breakers, statusOf }) =>
      [...breakers].map(([sink, breaker]) => ({
        name: breaker.name,
        breaker,
        status: Effect.map(statusOf(sink), ({ backlog, message, status }) => ({
          status,
          ...(message === undefined ? {} : { message }),
          ...(backlog === undefined ? {} : { waiting: backlog.waiting })
        }))
      }))
  })
)

/** The components, with what they depend on. */
export const components = (faults: FaultInjection | undefined) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { tiers } = yield* InvestigationChain
      const kubernetes = yield* Kubernaut.ClusterPipeline
      const supervised = yield* Supervised
      const identity = yield* ClusterIdentity.ClusterIdentity
      const { circuitBreaker: alertmanager } = yield* FiringAlerts.FiringAlerts
      const prometheus = Option.getOrUndefined(yield* Effect.serviceOption(TargetMetrics))?.circuitBreaker
      const { receiver } = yield* TraceExport
      const { check } = yield* StorageParts.databaseCheck
      const spool = yield* StorageParts.spoolComponent
      const parts: ReadonlyArray<Components.Part> = [
        ...(faults === undefined
          ? []
          : [
              {
                name: "fault-injection",
                status: Effect.map(faults.describe, (message) => ({ status: "degraded" as const, message }))
              }
            ]),
        {
          name: "storage",
          status: Effect.map(check, (result) =>
            result.ok ? { status: "up" as const } : { status: "down" as const, message: result.message }
          )
        },
        ...spool,
        { name: "supervisor", status: Effect.map(supervised.status, supervisorStatus) },
        { name: "cluster-identity", status: Effect.map(identity.state, identityStatus) },
        {
          name: "kubernetes",
          ...(kubernetes.circuitBreaker === undefined ? {} : { breaker: kubernetes.circuitBreaker })
        },
        ...(alertmanager === undefined ? [] : [{ name: "alertmanager", breaker: alertmanager }]),
        ...(prometheus === undefined ? [] : [{ name: prometheus.name, breaker: prometheus }]),
        ...(receiver === undefined ? [] : [{ name: "otlp" }]),
        ...(yield* sinkParts),
        ...tiers.map(({ circuitBreaker, service }): Components.Part =>
          circuitBreaker === undefined
            ? { name: service, status: Effect.succeed({ status: "up" as const }) }
            : { name: service, breaker: circuitBreaker }
        )
      ]
      return Components.layer(parts, (yield* HealthSupervisor).findings)
    })
  )
