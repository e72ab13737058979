/** The health checks, and the degradation level, fed by the peers, the database and the standing orders. */

import { Effect, Layer, Option } from "effect"
import { type Check, healthy, unhealthy } from "../health/Check.ts"
import * as Degradation from "../health/Degradation.ts"
import * as HealthSupervisor from "../health/HealthSupervisor.ts"
import { latencyCheck } from "../health/LatencyCheck.ts"
import type { LocalService } from "../health/LevelFacts.ts"
import { peerCheck } from "../health/PeerChecks.ts"
import { pressureCheck } from "../health/PressureCheck.ts"
import type { Probed } from "../health/Probes.ts"
import { TargetMetrics } from "../investigation/evidence/TargetMetrics.ts"
import { InvestigationChain } from "../investigation/InvestigationChain.ts"
import type { KubernautOptions } from "../KubernautOptions.ts"
import { ClusterIdentity } from "../kubernetes/ClusterIdentity.ts"
import { ResilienceEvents } from "../resilience/ResilienceEvent.ts"
import { AuditLog } from "../storage/AuditLog.ts"
import { Figures } from "../storage/Figures.ts"
import { Levels } from "../storage/Levels.ts"
import { RemediationStore } from "../storage/RemediationStore.ts"
import { StandingOrders } from "../storage/StandingOrders.ts"
import { StorageHealth } from "../storage/StorageHealth.ts"
import { FiringAlerts } from "../verification/FiringAlerts.ts"
import { ClusterProbe } from "./ClusterParts.ts"
import { identityCheck } from "./IdentityCheck.ts"
import { keptLevel } from "./KeptLevel.ts"
import { auditCheck, businessChecks, dataFlowCheck } from "./StorageChecks.ts"

/** The Alertmanager that can be asked, if there is one. */
const alertmanager = Effect.map(
  Effect.serviceOption(FiringAlerts),
  Option.match({
    onNone: (): ReadonlyArray<Probed> => [],
    onSome: ({ circuitBreaker, probe }) =>
      circuitBreaker === undefined || probe === undefined ? [] : [{ service: "alertmanager", circuitBreaker, probe }]
  })
)

/** The Prometheus whose metrics are evidence. It is no service that the level depends on. */
const prometheus = Effect.map(
  Effect.serviceOption(TargetMetrics),
  Option.match({
    onNone: (): ReadonlyArray<Probed> => [],
    onSome: ({ circuitBreaker, probe }) =>
      circuitBreaker === undefined || probe === undefined ? [] : [{ service: "prometheus", circuitBreaker, probe }]
  })
)

/** The peers besides the models. */
const others = Effect.map(
  Effect.all([ClusterProbe, alertmanager]),
  ([cluster, alertmanagers]): ReadonlyArray<Probed> => [cluster, ...alertmanagers]
)

/** What the last commit showed. The supervised child `storage` writes when nothing else does. */
const databaseCheck = ({ changes, status }: StorageHealth["Service"]): Check => ({
  name: "storage",
  layer: "component",
  wakes: (wake) => changes.listen(wake),
  run: Effect.map(status, (found) =>
    found._tag === "Up" ? healthy("alerts can be stored") : unhealthy(`stores nothing: ${found.message}`)
  )
})

/** The checks of every service. More are added with `HealthSupervisor.add`. */
export const health = ({ health: { pressure } = {} }: KubernautOptions<unknown, unknown>) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { tiers } = yield* InvestigationChain
      const storage = yield* Effect.serviceOption(StorageHealth)
      const hub = yield* ResilienceEvents
      const figures = yield* Effect.serviceOption(Figures)
      const audit = yield* Effect.serviceOption(AuditLog)
      const store = yield* RemediationStore
      const kept = Option.getOrUndefined(yield* keptLevel)
      const checks = [
        ...Option.match(storage, { onNone: () => [], onSome: (service) => [databaseCheck(service)] }),
        ...[...(yield* others), ...(yield* prometheus), ...tiers.filter(({ name }) => name !== "rules")].map((peer) =>
          peerCheck(peer, hub)
        ),
        ...(pressure === undefined ? [] : [pressureCheck(pressure)]),
        identityCheck(yield* ClusterIdentity),
        yield* latencyCheck(hub),
        ...(Option.isNone(audit) ? [] : [auditCheck(audit.value)]),
        ...(Option.isNone(figures) ? [] : [dataFlowCheck(store, figures.value), ...businessChecks(figures.value)])
      ]
      return HealthSupervisor.layer(checks, kept?.found)
    })
  )

/** The database, as a service that can be out. */
const localService = ({ changes, status }: StorageHealth["Service"]): LocalService => ({
  service: "storage",
  isOut: Effect.map(status, ({ _tag }) => _tag === "Down"),
  wakes: (wake) => changes.listen(wake)
})

/** The degradation level, and the probes. It begins where the process before this one was. */
export const degradation = ({ allAiDown = "rules", health = {} }: KubernautOptions<unknown, unknown>) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { restored, tiers } = yield* InvestigationChain
      const { current } = yield* StandingOrders
      const supervisor = yield* HealthSupervisor.HealthSupervisor
      const storage = yield* Effect.serviceOption(StorageHealth)
      const levels = yield* Effect.serviceOption(Levels)
      const kept = yield* keptLevel
      return Degradation.layer({
        tiers,
        restored,
        others: yield* others,
        local: Option.match(storage, { onNone: () => [], onSome: (service) => [localService(service)] }),
        health: supervisor,
        declared: Effect.orElseSucceed(current("emergency"), () => undefined),
        allAiDown,
        ...(health.levelDwell === undefined ? {} : { dwell: health.levelDwell }),
        ...(Option.isNone(levels) ? {} : { store: levels.value }),
        ...(Option.isNone(kept) ? {} : { kept: kept.value })
      })
    })
  )
