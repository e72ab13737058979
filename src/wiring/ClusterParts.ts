/** The cluster behind its pipeline, bound to the database that knows it. */

import { Context, Duration, Effect, Layer } from "effect"
import type { Probed } from "../health/Probes.ts"
import { type KubernautOptions, named } from "../KubernautOptions.ts"
import * as ClusterIdentity from "../kubernetes/ClusterIdentity.ts"
import { KubernetesClient } from "../kubernetes/KubernetesClient.ts"
import * as ResilientClient from "../kubernetes/ResilientClient.ts"
import * as RemediationActors from "../remediation/RemediationActors.ts"
import { Bulkhead } from "../resilience/pipeline/Bulkhead.ts"
import {
  defaultDeadline,
  make as makePipeline,
  type Options as PipelineOptions,
  type Pipeline
} from "../resilience/pipeline/Pipeline.ts"
import * as TimeLimit from "../resilience/TimeLimit.ts"
import { ClusterBinding } from "../storage/ClusterBinding.ts"

/**
 * The pipeline in front of the cluster's API server. Status pages and operators read and override its circuit breaker
 * and bulkhead.
 */
export class ClusterPipeline extends Context.Service<ClusterPipeline, Pipeline>()(
  "kubernaut/wiring/ClusterParts/ClusterPipeline"
) {}

/** A probe of the API server outside of the breaker, which admits and counts it. */
export class ClusterProbe extends Context.Service<ClusterProbe, Probed>()(
  "kubernaut/wiring/ClusterParts/ClusterProbe"
) {}

/** How long a probe of the API server may take. */
const probeTimeout = "5 seconds"

const probeOf = (client: KubernetesClient["Service"], pipeline: Pipeline): Probed => {
  const probe = client.probe.pipe(
    Effect.mapError((error) => ({ countsAsFailure: ResilientClient.classify(error).breaker === "failure" })),
    TimeLimit.within(new TimeLimit.Excuses(), probeTimeout, (isExcused) => Effect.fail({ countsAsFailure: !isExcused }))
  )
  const { bulkhead, circuitBreaker, name } = pipeline
  const permitted =
    bulkhead === undefined
      ? probe
      : Effect.catchTag(bulkhead.withPermit(probe), "BulkheadFull", () => Effect.fail({ countsAsFailure: false }))
  return { service: name, probe: permitted, ...(circuitBreaker === undefined ? {} : { circuitBreaker }) }
}

/**
 * The bulkhead of the cluster. Every request of every actor finds a place in its queue, so that no request is turned
 * away because there are many. One that has waited for half of its deadline is sent again by `ResilientClient`: a
 * deadline that passes in the queue would look like an API server that does not respond.
 */
const clusterBulkhead = ({ actors, kubernetes }: KubernautOptions<unknown, unknown>): PipelineOptions["bulkhead"] => {
  const given = kubernetes?.bulkhead
  if (given === false || given instanceof Bulkhead) return given
  const requestsOfAnActor = 16
  const deadline = kubernetes?.deadline === false ? undefined : kubernetes?.deadline
  return {
    maxWaiting: (actors?.concurrency ?? RemediationActors.defaultConcurrency) * requestsOfAnActor,
    maxWait: Duration.times(Duration.fromInputUnsafe(deadline ?? defaultDeadline), 0.5),
    ...given
  }
}

/** The client that an embedder provides, behind a pipeline, and bound to the cluster that the database belongs to. */
export const cluster = (options: KubernautOptions<unknown, unknown>) =>
  Layer.effectContext(
    Effect.gen(function* () {
      const bulkhead = clusterBulkhead(options)
      const pipeline = yield* named("kubernetes")(
        makePipeline("kubernetes", { ...options.kubernetes, ...(bulkhead === undefined ? {} : { bulkhead }) })
      )
      const direct = yield* KubernetesClient
      const { bind } = yield* ClusterBinding
      const { client, confirmAtStart, identity } = ClusterIdentity.guard(ResilientClient.wrap(direct, pipeline), bind)
      yield* confirmAtStart(direct)
      return Context.make(ClusterPipeline, pipeline).pipe(
        Context.add(KubernetesClient, client),
        Context.add(ClusterProbe, probeOf(direct, pipeline)),
        Context.add(ClusterIdentity.ClusterIdentity, identity)
      )
    })
  )
