/**
 * What is seen of the whole cluster: its nodes, and how the latest actions ended. Tells whether this view is in doubt
 * (`decision/OwnView`), logs when a doubt begins and ends, and shows it as a reason of the status. A doubt is recorded,
 * so that the next process knows of it too.
 */

import { Clock, Duration, Effect } from "effect"
import type { GuardrailSettings } from "../decision/GuardrailSettings.ts"
import { actionsWithinMs, doubtOf } from "../decision/OwnView.ts"
import type { EndedAction } from "../domain/PastAction.ts"
import type { NodePlaces } from "../domain/Places.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import { Degradation } from "../health/Degradation.ts"
import { KubernetesClient } from "../kubernetes/KubernetesClient.ts"
import * as NodeWatch from "../kubernetes/NodeWatch.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { ActionHistory } from "../storage/ActionHistory.ts"
import { Doubts } from "../storage/Doubts.ts"
import type { StorageError } from "../storage/StorageError.ts"

/** What was seen at one look. */
export interface View {
  /** `undefined` where the nodes could not be read. */
  readonly places: NodePlaces | undefined
  /** Newest first. */
  readonly ended: ReadonlyArray<EndedAction>
  /** Why the view is in doubt. Absent: it is not. */
  readonly doubt?: string
}

export interface ClusterView {
  readonly look: (cluster: string) => Effect.Effect<View, StorageError>
}

/** How often a doubt that lasts is recorded. */
const recordedEveryMs = 5000

/** More ended actions than this are not read. */
const rowsRead = 200

export const make = Effect.fnUntraced(function* ({ peers }: GuardrailSettings) {
  const history = yield* ActionHistory
  const doubts = yield* Doubts
  const degradation = yield* Degradation
  const { current: nodesNow } = yield* NodeWatch.make(yield* KubernetesClient)
  const backMs = Math.max(Duration.toMillis(peers.within), actionsWithinMs)
  let known: string | undefined
  let recordedAtMs = -Infinity

  const tell = Effect.fnUntraced(function* (doubt: string | undefined) {
    yield* degradation.doubt(doubt)
    const before = known
    known = doubt
    if (doubt !== undefined && before === undefined)
      yield* Effect.logWarning("Our own view of the cluster is in doubt, so no action starts", { reason: doubt })
    if (doubt === undefined && before !== undefined)
      yield* Effect.logInfo("Our own view of the cluster is no longer in doubt; actions start again one by one")
  })

  const record = Effect.fnUntraced(function* (cluster: string, nowMs: number) {
    const atMs = yield* Monotonic.nowMs
    if (atMs - recordedAtMs < recordedEveryMs) return
    yield* doubts.record(cluster, Timestamp.fromMillis(nowMs))
    recordedAtMs = atMs
  })

  const look: ClusterView["look"] = Effect.fnUntraced(function* (cluster) {
    const nodes = yield* nodesNow
    const nowMs = yield* Clock.currentTimeMillis
    const ended = yield* history.endedSince(cluster, Timestamp.fromMillis(nowMs - backMs), rowsRead)
    const doubt = doubtOf(nodes?.nodes, ended, nowMs)
    yield* tell(doubt)
    if (doubt !== undefined) yield* record(cluster, nowMs)
    return { places: nodes?.places, ended, ...(doubt === undefined ? {} : { doubt }) }
  })

  return { look } satisfies ClusterView
})
