/**
 * Reads samples from the cluster, the cheapest part first: the target's own object costs one request, its pods,
 * Services, endpoints and autoscaler several more.
 */

import { Effect, Result } from "effect"
import type { Intent } from "../domain/Execution.ts"
import { resourceRef, sameRef, type Target } from "../domain/Target.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import { find, KubernetesClient, type KubernetesError } from "../kubernetes/KubernetesClient.ts"
import { otherWriterOf } from "../kubernetes/Managers.ts"
import { drainedPods } from "../kubernetes/NodePods.ts"
import type { Pod } from "../kubernetes/ObjectModel.ts"
import { assemble, readAround, readObject } from "../kubernetes/WorkloadReader.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { readBack, type Sample } from "./Sample.ts"

export interface FirstRead {
  /** The target's own object and what the intent wrote. */
  readonly sample: Sample
  /** Completes the sample; `undefined` if the cluster could not be read. */
  readonly complete: Effect.Effect<Sample> | undefined
}

const unreadable = (atMs: number, { reason }: KubernetesError): Sample => ({
  atMs,
  state: null,
  written: [],
  remaining: [],
  ...(reason._tag === "NotNow" ? { heldUp: true } : {})
})

/** The pods of a drained node that are still there, those that came to it later included. */
const remainingOf = (
  client: KubernetesClient["Service"],
  intent: Intent
): Effect.Effect<ReadonlyArray<string>, KubernetesError> => {
  if (intent.action.type !== "DrainNode") return Effect.succeed([])
  const { name } = intent.action.target
  const evicted = new Set(intent.changes.flatMap((change) => (change._tag === "Evict" ? [change.uid] : [])))
  return Effect.map(client.list("Pod", {}), (pods) => {
    const drained = new Set(drainedPods(name, pods))
    return pods
      .filter((pod) => evicted.has(pod.metadata.uid) || drained.has(pod as Pod))
      .map(({ metadata }) => metadata.uid)
  })
}

export const read = Effect.fnUntraced(function* (
  client: KubernetesClient["Service"],
  intent: Intent,
  target: Target
): Effect.fn.Return<FirstRead> {
  const provided = Effect.provideService(KubernetesClient, client)
  const ref = resourceRef(target)
  const first = yield* Effect.gen(function* () {
    const object = yield* provided(readObject(ref))
    const objectAtMs = yield* Monotonic.nowMs
    // An object that does not exist is part of the sample. Any other failure makes the whole sample unreadable.
    const written = yield* Effect.forEach(readBack(intent), (change) =>
      sameRef(change.ref, ref) ? Effect.succeed(object) : find(client, change.ref)
    )
    return { object, objectAtMs, written, remaining: yield* remainingOf(client, intent) }
  }).pipe(Effect.result)
  const atMs = yield* Monotonic.nowMs
  if (Result.isFailure(first)) return { sample: unreadable(atMs, first.failure), complete: undefined }
  const { object, ...others } = first.success
  const otherWriter = object === undefined ? undefined : otherWriterOf(object)
  const rest = { ...others, ...(otherWriter === undefined ? {} : { otherWriter }) }
  return {
    sample: { atMs, state: assemble({ ref, object }, yield* Timestamp.now), ...rest, targetOnly: true },
    complete: Effect.gen(function* () {
      const around = yield* Effect.result(provided(readAround(ref, object)))
      // A target can't be known to be healthy before its pods were read.
      const atMs = yield* Monotonic.nowMs
      return Result.isFailure(around) ? unreadable(atMs, around.failure) : { atMs, state: around.success, ...rest }
    })
  }
})
