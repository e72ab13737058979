/** Whole remediations on a real API server, with an investigator that proposes what a test says. */

import { Context, Deferred, Effect, Layer, Logger, Option } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import type { Remediation, RemediationEventKind, RemediationId } from "../../src/domain/Remediation.ts"
import * as Timestamp from "../../src/domain/Timestamp.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import { KubernetesClient, type KubernetesError } from "../../src/kubernetes/KubernetesClient.ts"
import { RemediationEvents } from "../../src/remediation/RemediationEvents.ts"
import { Reviews } from "../../src/remediation/Reviews.ts"
import { RollbackRequests } from "../../src/remediation/RollbackRequests.ts"
import { carried, type ClusterFault } from "../../src/simulation/farEnds/paths/ClusterPath.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { unlimited } from "../decision/unlimited.ts"
import { alertOf, webhookOf } from "../intake/webhooks.ts"

type Options = Omit<Kubernaut.Options, "cluster" | "investigators">

/** An alert, and what is proposed for it. */
export interface Case {
  /** The labels that name the target. */
  readonly labels: Readonly<Record<string, string>>
  /** Default: that of every alert in tests. */
  readonly startsAt?: string
  /** For each round, from 1. */
  readonly propose: (round: number) => Action
}

const isWrite = ({ dryRun, verb }: Parameters<ClusterFault>[0]): boolean =>
  !dryRun && (verb === "patch" || verb === "evict" || verb === "create" || verb === "delete")

/** A path on which somebody does something just before the first write of the service. */
export const beforeTheWrite = (meanwhile: Effect.Effect<unknown, KubernetesError>): ClusterFault => {
  let writes = 0
  return (request, server) =>
    isWrite(request) && ++writes === 1 ? Effect.andThen(Effect.orDie(meanwhile), server) : server
}

const direct: ClusterFault = (_request, server) => server

const verification = {
  stabilisation: "500 millis",
  settleTimeout: "5 seconds",
  rolloutTimeout: "10 seconds",
  pollIntervalCap: "200 millis",
  alertQuiet: "1 second",
  alertTimeout: "20 seconds"
} as const

/** A service in mode auto on this cluster. It stops when the scope closes. */
export const service = Effect.fnUntraced(function* (
  client: ClientNode.ClientNodeOptions,
  options: Options = {},
  path: ClusterFault = direct,
  through: (client: KubernetesClient["Service"]) => KubernetesClient["Service"] = (each) => each
) {
  const cases = new Map<string, { readonly propose: Case["propose"]; rounds: number }>()
  const investigator = {
    name: "custom",
    provider: "test",
    investigate: ({ alert }: { readonly alert: { readonly fingerprint: string } }) =>
      Effect.sync(() => {
        const each = cases.get(alert.fingerprint)!
        each.rounds += 1
        return {
          investigator: "custom" as const,
          provider: "test",
          rootCause: "The test says so.",
          evidence: [],
          action: each.propose(each.rounds),
          confidence: 1
        }
      })
  } as const
  const cluster = Layer.effect(
    KubernetesClient,
    Effect.map(KubernetesClient, (each) => carried(through(each), path))
  ).pipe(Layer.provide(Layer.orDie(ClientNode.layer(client))))
  const context = yield* Layer.build(
    Kubernaut.layer({
      cluster: "real",
      mode: "auto",
      guardrails: unlimited,
      verification,
      investigators: [investigator],
      ...options
    }).pipe(Layer.provideMerge(Layer.mergeAll(cluster, Storage.layerMemory)), Layer.provide(Logger.layer([])))
  ).pipe(Effect.orDie)
  const { receive, settled } = Context.get(context, Kubernaut.Kubernaut)
  const store = Context.get(context, RemediationStore)
  const events = Context.get(context, RemediationEvents)

  const tags = (id: RemediationId) =>
    Effect.map(Effect.orDie(store.journal(id)), (entries) => entries.map(({ event }) => event._tag))

  /** Waits for an event of the journal. */
  const until = (id: RemediationId, kind: RemediationEventKind) =>
    Effect.scoped(
      Effect.gen(function* () {
        const seen = yield* Deferred.make<void>()
        yield* events.listen(({ event, remediation }) => {
          if (event === kind && remediation.id === id) Deferred.doneUnsafe(seen, Effect.void)
        })
        if (!(yield* tags(id)).includes(kind)) yield* Deferred.await(seen)
      })
    )

  let fingerprints = 0
  /** Posts the alert of a case. */
  const begin = Effect.fnUntraced(function* ({ labels, propose, startsAt }: Case) {
    const fingerprint = (++fingerprints).toString(16).padStart(16, "0")
    cases.set(fingerprint, { propose, rounds: 0 })
    const alert = alertOf(
      { alertname: "Broken", ...labels },
      { fingerprint, ...(startsAt === undefined ? {} : { startsAt }) }
    )
    const [result] = (yield* Effect.orDie(receive(webhookOf([alert])))).results
    const id = result!.remediationId!
    const resolve = Effect.flatMap(Timestamp.now, (endsAt) =>
      Effect.orDie(receive(webhookOf([{ ...alert, status: "resolved", endsAt }], { status: "resolved" })))
    )
    const outcome = Effect.map(Effect.orDie(settled(id)), Option.getOrThrow)
    const approve = Effect.flatMap(
      Effect.orDie(Context.get(context, Reviews).answer(id, { answer: "approved", by: "ada" })),
      () => outcome
    )
    return {
      id,
      /** The remediation once it has ended or asks a person. */
      outcome,
      approve,
      /** As `outcome`. A person approves whatever it asks. */
      approved: Effect.filterOrElse(
        outcome,
        ({ state }) => state !== "AwaitingReview",
        () => approve
      ),
      /** The alert ends. */
      resolve,
      until: (kind: RemediationEventKind) => until(id, kind),
      /** Waits until a write is on record. One that met a conflict wrote nothing, and is planned again. */
      written: Effect.scoped(
        Effect.gen(function* () {
          const seen = yield* Deferred.make<void>()
          const hasWritten = ({ executions }: Remediation) =>
            executions.some(({ outcome }) => outcome?.applied === "yes")
          yield* events.listen(({ remediation }) => {
            if (remediation.id === id && hasWritten(remediation)) Deferred.doneUnsafe(seen, Effect.void)
          })
          const now = yield* Effect.orDie(store.get(id))
          if (!Option.exists(now, hasWritten)) yield* Deferred.await(seen)
        })
      ),
      events: tags(id),
      /** A person asks for the undo of it. */
      rollBack: Effect.andThen(Context.get(context, RollbackRequests).request(id, { by: "ada" }), outcome)
    }
  })
  return { begin }
})

/** How a remediation and its rollback ended. */
export const stateOf = ({ rollback, state }: Remediation) => [state, rollback?.trigger, rollback?.outcome]
