/** A broken selector on a cluster, with its recorded change: what the finder says about it. */

import { Clock, Effect, Layer } from "effect"
import { layerMemory } from "../../src/changes/ChangeJournal.ts"
import * as SuspectFinder from "../../src/changes/SuspectFinder.ts"
import type { ResourceRef } from "../../src/domain/Target.ts"
import * as Timestamp from "../../src/domain/Timestamp.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { readWorkload } from "../../src/kubernetes/WorkloadReader.ts"
import { alert, modified } from "./scenes.ts"

/** Somebody breaks the selector of a Service; the suspects of the workload behind it. */
export const suspectsOfBrokenSelector = (service: ResourceRef, workload: ResourceRef, app: string) =>
  Effect.gen(function* () {
    const client = yield* KubernetesClient
    const nowMs = yield* Clock.currentTimeMillis
    const present = yield* client.apply({
      _tag: "Patch",
      ref: service,
      patch: [{ op: "replace", path: "/spec/selector", value: { app: "nobody" } }]
    })
    const change = {
      ...modified(service, 0, ["spec", "selector", "app"], { before: app, after: "nobody" }),
      at: Timestamp.fromMillis(nowMs),
      seenAt: Timestamp.fromMillis(nowMs)
    }
    const finder = Layer.provide(
      SuspectFinder.layer,
      Layer.merge(
        layerMemory({ changes: [change], objects: present === undefined ? [] : [present] }),
        Layer.succeed(KubernetesClient, client)
      )
    )
    const observed = yield* readWorkload(workload)
    const { suspectsOf } = yield* Effect.provide(SuspectFinder.SuspectFinder, finder)
    return yield* suspectsOf({
      alert: alert("HighErrorRate", { startsAt: Timestamp.fromMillis(nowMs + 1000) }),
      target: { cluster: "dev", ...workload },
      observed,
      nowMs: nowMs + 2000
    })
  })
