/**
 * The service's client of the simulated cluster: each request takes the way that `Cluster` shows, and each write is
 * published.
 */

import { Clock, Effect, Result } from "effect"
import type { Change } from "../../domain/Change.ts"
import type { ResourceRef } from "../../domain/Target.ts"
import type { KubernetesClient, KubernetesError, KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import type { SimulatedClock } from "../engine/SimulatedClock.ts"
import { ApiWire } from "./ApiWire.ts"
import type { Setting } from "./FarEnd.ts"
import type { ObjectHistory } from "./ObjectHistory.ts"
import { carried, type ClusterPath, type ClusterRequest } from "./paths/ClusterPath.ts"
import type { WatchPath } from "./paths/WatchPath.ts"
import type { SpecHistory } from "./SpecHistory.ts"
import { executionOf, hasTemplate } from "./WorkloadObjects.ts"

type Client = KubernetesClient["Service"]

const writer = "kubernaut"

/** What the client needs of the cluster. */
export interface ClusterClientOptions {
  readonly setting: Setting
  readonly sandbox: Client
  /** The world's clock. */
  readonly clock: SimulatedClock
  readonly random: SeededRandom
  readonly path: ClusterPath
  readonly watches: WatchPath
  readonly specs: SpecHistory
  readonly objects: ObjectHistory
  /** The service has read a workload. */
  readonly onRead: (ref: ResourceRef) => void
  /** Runs an effect at once. */
  readonly direct: <A, E>(effect: Effect.Effect<A, E>) => A
}

type Through = <A>(
  request: ClusterRequest,
  server: Effect.Effect<A, KubernetesError>
) => Effect.Effect<A, KubernetesError>

/** The way of a request to the API server and back. */
const throughNetwork = ({ clock, path, random, setting }: ClusterClientOptions, wire: ApiWire): Through => {
  // The latency of one message.
  const underWay = Effect.suspend(() => Effect.sleep(random.between(...setting.scenario.clusterLatencyMs)))
  // Provides the world's clock only where the caller's is wrong, which is rare: another context costs time.
  const byWorldTime = <A, E>(server: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.clockWith((callers) =>
      callers.currentTimeMillisUnsafe() === clock.currentTimeMillisUnsafe()
        ? server
        : Effect.provideService(server, Clock.Clock, clock)
    )
  return (request, server) => {
    const atServer = byWorldTime(server)
    const isWrite = request.change !== undefined && !request.dryRun
    const asked = wire.ask(request.verb, `${request.kind} ${request.name}`)
    return wire.carry(
      asked,
      Effect.suspend(() => {
        const disturbed = path.disturbed(request, atServer)
        const answered = Effect.flatMap(underWay, () => disturbed)
        // A timer for the way back costs time, and only after a write does a crash there matter.
        return isWrite ? Effect.ensuring(answered, underWay) : answered
      })
    )
  }
}

/** A write, published with its outcome. */
const published = <A>(
  { direct, objects, sandbox, setting: { observations, world }, specs }: ClusterClientOptions,
  wire: ApiWire,
  change: Change,
  server: Effect.Effect<A, KubernetesError>
): Effect.Effect<A, KubernetesError> => {
  const executionId = executionOf(change)
  const about = {
    _tag: "ClusterWrite",
    by: writer,
    change,
    ...(executionId === undefined ? {} : { executionId })
  } as const
  return Effect.withFiber((fiber) => {
    const process = wire.callers.numberOf(fiber)
    // In one step: a service that crashes does not keep the API server from having stored the write.
    const before = objects.keeps(change.ref) ? direct(Effect.result(sandbox.get(change.ref))) : undefined
    const result = direct(Effect.result(server))
    if (Result.isFailure(result)) {
      observations.publish({ ...about, process, applied: "no", refused: result.failure.reason._tag })
      return Effect.fail(result.failure)
    }
    const object = result.success as KubernetesObject | undefined
    if (object !== undefined) specs.note(change.ref, writer, object, world.nowMs)
    if (before !== undefined) {
      objects.note(change.ref, "somebody", Result.getOrUndefined(before), world.nowMs)
      objects.note(change.ref, writer, object, world.nowMs)
    }
    observations.publish({ ...about, process, applied: "yes" })
    return Effect.succeed(result.success)
  })
}

export const clusterClient = (options: ClusterClientOptions): Client => {
  const { onRead, sandbox, setting } = options
  const wire = new ApiWire(setting)
  return carried(
    {
      ...sandbox,
      watch: options.watches.watch(sandbox.watch),
      get: (ref) =>
        hasTemplate(ref) ? Effect.tap(sandbox.get(ref), () => Effect.sync(() => onRead(ref))) : sandbox.get(ref),
      apply: (change, apply) => {
        const server = sandbox.apply(change, apply)
        return apply?.dryRun === true ? server : published(options, wire, change, server)
      }
    },
    throughNetwork(options, wire)
  )
}
