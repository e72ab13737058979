/**
 * The service as a process that kills itself at a marked point (`--die`), on SQLite and a `RemoteCluster`.
 *
 *     node crashing-service.ts --database FILE --cluster URL [--webhook FILE] [--die before:Intended | after:write | …]
 *
 * With `--useless` its action does not help, and is undone.
 *
 * It prints `accepted ID` after the commit, and `idle` when the store has no open work.
 */

import { readFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { Effect, Layer, Queue, Schema } from "effect"
import type { Change } from "../../src/domain/Change.ts"
import { resourceRef } from "../../src/domain/Target.ts"
import { Webhook } from "../../src/intake/AlertmanagerWebhook.ts"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { RemediationEvents } from "../../src/remediation/RemediationEvents.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { unlimited } from "../decision/unlimited.ts"
import * as RemoteCluster from "./RemoteCluster.ts"

const { values } = parseArgs({
  options: {
    database: { type: "string" },
    cluster: { type: "string" },
    webhook: { type: "string" },
    die: { type: "string" },
    useless: { type: "boolean", default: false }
  }
})
if (values.database === undefined || values.cluster === undefined)
  throw new Error("--database and --cluster are required")

/** Ends the process as `kill -9` does: no finalizer runs and nothing is flushed. */
const die = (point: string): Effect.Effect<void> =>
  Effect.sync(() => {
    if (point === values.die) process.kill(process.pid, "SIGKILL")
  })

const marked = <A, E>(name: string, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  die(`before:${name}`).pipe(Effect.andThen(effect), Effect.tap(die(`after:${name}`)))

/** Every write bears the id of its execution. */
const isUndo = (change: Change): boolean => JSON.stringify(change).includes("-rollback-1")

const markedCluster = Layer.effect(
  KubernetesClient,
  Effect.map(KubernetesClient, (client) => ({
    ...client,
    apply: (change, options) =>
      options?.dryRun === true
        ? client.apply(change, options)
        : marked(isUndo(change) ? "rollback write" : "write", client.apply(change, options))
  }))
).pipe(Layer.provide(RemoteCluster.layer(values.cluster)))

const markedStore = Layer.effect(
  RemediationStore,
  Effect.map(RemediationStore, (store) => ({
    ...store,
    // The claim commits `Started`.
    claim: (target, begin) =>
      begin === undefined ? store.claim(target) : marked("Started", store.claim(target, begin)),
    append: (claim, self, events, at) =>
      events.reduce((append, event) => marked(event._tag, append), store.append(claim, self, events, at)),
    start: (claim, self, events, at, admission) =>
      events.reduce((append, event) => marked(event._tag, append), store.start(claim, self, events, at, admission)),
    retarget: (claim, self, target, at) => marked("Retargeted", store.retarget(claim, self, target, at))
  }))
)

const undo: Investigator = {
  name: "custom",
  investigate: ({ target }) =>
    Effect.succeed({
      investigator: "custom",
      rootCause: "A bad rollout.",
      evidence: [],
      action: values.useless
        ? { type: "ScaleWorkload", target: resourceRef(target), replicas: 5 }
        : { type: "RollbackDeployment", target: resourceRef(target) },
      confidence: 1
    })
}

const service = Kubernaut.layer({
  cluster: "test",
  mode: "auto",
  investigators: [undo],
  guardrails: unlimited,
  verification: {
    stabilisation: "300 millis",
    settleTimeout: values.useless ? "1 second" : "20 seconds",
    rolloutTimeout: "20 seconds"
  },
  rollback: { restoreTimeout: "5 seconds" },
  actors: { sweepInterval: "1 second" }
}).pipe(
  Layer.provideMerge(
    markedStore.pipe(
      Layer.provideMerge(Layer.mergeAll(markedCluster, Storage.layerSqlite({ filename: values.database })))
    )
  )
)

const say = (line: string) => Effect.sync(() => process.stdout.write(`${line}\n`))

const program = Effect.gen(function* () {
  const kubernaut = yield* Kubernaut.Kubernaut
  const store = yield* RemediationStore
  const changes = yield* (yield* RemediationEvents).subscribe({ capacity: 100_000 })
  if (values.webhook !== undefined) {
    const webhook = yield* Schema.decodeUnknownEffect(Webhook)(JSON.parse(readFileSync(values.webhook, "utf8")))
    for (const result of (yield* kubernaut.receive(webhook)).results)
      yield* say(`${result.status} ${result.remediationId}`)
  }
  while ((yield* store.backlog) > 0) yield* Queue.take(changes)
  yield* say("idle")
})

await Effect.runPromise(Effect.scoped(program).pipe(Effect.provide(service)))
