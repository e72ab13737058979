/** The metrics of the service: what its parts publish, and which services it calls. */

import { Effect, Layer, Option } from "effect"
import type { AlertReceived, AlertsTruncated } from "../intake/Intake.ts"
import type { Posted } from "../intake/PostTimes.ts"
import { TargetMetrics } from "../investigation/evidence/TargetMetrics.ts"
import { InvestigationChain } from "../investigation/InvestigationChain.ts"
import * as Kubernaut from "../Kubernaut.ts"
import type { CircuitBreaker } from "../resilience/breaker/CircuitBreaker.ts"
import * as EventHub from "../resilience/EventHub.ts"
import type { Bulkhead } from "../resilience/pipeline/Bulkhead.ts"
import type { Service } from "../telemetry/Instruments.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import * as FiringAlerts from "../verification/FiringAlerts.ts"
import type { Settings } from "./settings/Settings.ts"
import { version } from "./Version.ts"

const measured = (name: string, bulkhead: Bulkhead | undefined, breaker?: CircuitBreaker): Service => ({
  name,
  ...(bulkhead === undefined ? {} : { bulkheadInUse: () => Effect.runSync(bulkhead.state).inUse }),
  ...(breaker === undefined ? {} : { breaker })
})

/** What the intake of a process publishes. */
export const makeIntakeHubs = () => ({
  alerts: EventHub.make<AlertReceived>(),
  truncated: EventHub.make<AlertsTruncated>(),
  posts: EventHub.make<Posted>()
})

export type IntakeHubs = ReturnType<typeof makeIntakeHubs>

export const layer = (hubs: IntakeHubs, { mode }: Pick<Settings, "mode">) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { tiers } = yield* InvestigationChain
      const kubernetes = yield* Kubernaut.ClusterPipeline
      const { circuitBreaker: alertmanager } = yield* FiringAlerts.FiringAlerts
      const prometheus = Option.getOrUndefined(yield* Effect.serviceOption(TargetMetrics))?.circuitBreaker
      return Metrics.layer({
        ...hubs,
        build: { version, mode },
        services: [
          measured(kubernetes.name, kubernetes.bulkhead),
          ...(alertmanager === undefined ? [] : [{ name: alertmanager.name }]),
          ...(prometheus === undefined ? [] : [{ name: prometheus.name }]),
          ...tiers
            .filter(({ name }) => name !== "rules")
            .map(({ bulkhead, circuitBreaker, service }) => ({
              ...measured(service, bulkhead, circuitBreaker),
              isRestored: true
            }))
        ]
      })
    })
  )
