/**
 * The service as a process that drains the node of its alert on a real API server, and kills itself at a marked write.
 *
 *     node draining-service.ts --database FILE --kubeconfig FILE [--webhook FILE] [--die "before 3" | "after 2"]
 *
 * It prints `write TAG UID-OR-NAME` before each write is sent, and at the end `ended JSON` with the remediation.
 */

import { readFileSync, writeSync } from "node:fs"
import { parseArgs } from "node:util"
import { Effect, Layer, Queue, Schema } from "effect"
import { resourceRef } from "../../src/domain/Target.ts"
import { Webhook } from "../../src/intake/AlertmanagerWebhook.ts"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { RemediationEvents } from "../../src/remediation/RemediationEvents.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { unlimited } from "../decision/unlimited.ts"

const { values } = parseArgs({
  options: {
    database: { type: "string", default: "" },
    kubeconfig: { type: "string", default: "" },
    webhook: { type: "string" },
    die: { type: "string" }
  }
})

// Synchronous, so that a killed process has said it.
const say = (line: string): void => void writeSync(1, `${line}\n`)

/** Ends the process as `kill -9` does: no finalizer runs and nothing is flushed. */
const die = (point: string): void => {
  if (point === values.die) process.kill(process.pid, "SIGKILL")
}

let writes = 0

const marked = Layer.effect(
  KubernetesClient,
  Effect.map(KubernetesClient, (client) => ({
    ...client,
    apply: (change, options) =>
      options?.dryRun === true
        ? client.apply(change, options)
        : Effect.suspend(() => {
            const number = ++writes
            die(`before ${number}`)
            say(`write ${change._tag} ${change._tag === "Evict" ? change.uid : change.ref.name}`)
            return Effect.tap(client.apply(change, options), () => Effect.sync(() => die(`after ${number}`)))
          })
  }))
).pipe(Layer.provide(ClientNode.layer({ kubeconfig: values.kubeconfig })))

const drainer: Investigator = {
  name: "custom",
  investigate: ({ target }) =>
    Effect.succeed({
      investigator: "custom",
      rootCause: "Its disk fails.",
      evidence: [],
      action: { type: "DrainNode", target: resourceRef(target) },
      confidence: 1
    })
}

const service = Kubernaut.layer({
  cluster: "test",
  mode: "auto",
  investigators: [drainer],
  guardrails: { ...unlimited, automaticRisk: "high" },
  execution: { evictionInterval: "200 millis", evictionDeadline: "3 seconds" },
  verification: {
    stabilisation: "300 millis",
    settleTimeout: "3 seconds",
    alertQuiet: "500 millis",
    alertTimeout: "1 second"
  },
  rollback: { restoreTimeout: "10 seconds" },
  actors: { sweepInterval: "1 second" }
}).pipe(Layer.provideMerge(Layer.orDie(Layer.mergeAll(marked, Storage.layerSqlite({ filename: values.database })))))

const program = Effect.gen(function* () {
  const kubernaut = yield* Kubernaut.Kubernaut
  const store = yield* RemediationStore
  const changes = yield* (yield* RemediationEvents).subscribe({ capacity: 100_000 })
  if (values.webhook !== undefined)
    yield* kubernaut.receive(
      yield* Schema.decodeUnknownEffect(Webhook)(JSON.parse(readFileSync(values.webhook, "utf8")))
    )
  while ((yield* store.backlog) > 0) yield* Queue.take(changes)
  for (const { id } of (yield* store.list({ limit: 10 })).items) {
    const { value } = (yield* store.get(id)) as { readonly value: unknown }
    say(`ended ${JSON.stringify(value)}`)
  }
})

await Effect.runPromise(Effect.scoped(program).pipe(Effect.provide(service)))
