/** A remediation of the sandbox's bad rollout, with an investigator and people who change the cluster meanwhile. */

import { Context, Effect, Fiber, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { stuckRollout } from "../../examples/embedded/Service.ts"
import type { Action } from "../../src/domain/Action.ts"
import type { PatchOperation } from "../../src/domain/Change.ts"
import type { Remediation, RemediationId } from "../../src/domain/Remediation.ts"
import { targetKey } from "../../src/domain/Target.ts"
import * as Timestamp from "../../src/domain/Timestamp.ts"
import type { InvestigationRequest, Investigator } from "../../src/investigation/Investigator.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import type { Deployment } from "../../src/kubernetes/ObjectModel.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { RemediationActors } from "../../src/remediation/RemediationActors.ts"
import { Reviews } from "../../src/remediation/Reviews.ts"
import { RollbackRequests } from "../../src/remediation/RollbackRequests.ts"
import { ActionHistory } from "../../src/storage/ActionHistory.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import { StandingOrders } from "../../src/storage/StandingOrders.ts"
import * as Storage from "../../src/storage/Storage.ts"

export const checkout = { namespace: "shop", kind: "Deployment", name: "checkout" }

const services = (
  options: Omit<Kubernaut.Options, "cluster">,
  sandbox: Sandbox.SandboxOptions,
  orders: Layer.Layer<StandingOrders> | Layer.Layer<never>
) =>
  Layer.build(
    Kubernaut.layer({ cluster: "dev", mode: "auto", ...options }).pipe(
      Layer.provideMerge(Layer.mergeAll(Sandbox.layer(sandbox), Layer.provideMerge(orders, Storage.layerMemory)))
    )
  )

/** What a person changes, without asking Kubernaut. */
export type Edit = (client: KubernetesClient["Service"]) => Effect.Effect<void>

export const edit =
  (...patch: ReadonlyArray<PatchOperation>): Edit =>
  (client) =>
    Effect.asVoid(Effect.orDie(client.apply({ _tag: "Patch", ref: checkout, patch })))

export const ship = (image: string): Edit =>
  edit({ op: "replace", path: "/spec/template/spec/containers/0/image", value: image })

export const scaleTo = (replicas: number): Edit => edit({ op: "replace", path: "/spec/replicas", value: replicas })

/** A change that is no change of the spec. */
export const annotate: Edit = edit({ op: "add", path: "/metadata/annotations/team", value: "shop" })

export const hotfix = "registry.example.com/shop/checkout:hotfix"

/** An investigator that proposes an action for each round, from 1, while somebody edits the cluster. */
export const investigatorOf = (
  propose: (round: number, request: InvestigationRequest) => Action,
  meanwhile: (round: number) => Edit | undefined = () => undefined
) => {
  const asked: Array<InvestigationRequest> = []
  const make = Effect.map(KubernetesClient, (client): ReadonlyArray<Investigator> => [
    {
      name: "custom",
      provider: "slow",
      investigate: (request) =>
        Effect.gen(function* () {
          const round = asked.push(request)
          yield* Effect.sleep("10 seconds")
          yield* meanwhile(round)?.(client) ?? Effect.void
          return {
            investigator: "custom" as const,
            provider: "slow",
            rootCause: `Round ${round}.`,
            evidence: [],
            action: propose(round, request),
            confidence: 0.9
          }
        })
    }
  ])
  return { asked, make }
}

export const rollback: Action = { type: "RollbackDeployment", target: checkout }

/** A service with one alert about the bad rollout. */
export const begun = Effect.fnUntraced(function* (
  { make }: Pick<ReturnType<typeof investigatorOf>, "make">,
  options: Omit<Kubernaut.Options, "cluster"> = {},
  sandbox: Sandbox.SandboxOptions = {},
  webhook: typeof stuckRollout = stuckRollout,
  orders: Layer.Layer<StandingOrders> | Layer.Layer<never> = Layer.empty
) {
  const context = yield* services({ ...options, investigators: make as never }, sandbox, orders)
  const { receive, settled } = Context.get(context, Kubernaut.Kubernaut)
  const client = Context.get(context, KubernetesClient)
  const store = Context.get(context, RemediationStore)
  const actors = Context.get(context, RemediationActors)
  const [result] = (yield* receive(webhook)).results
  const id = result!.remediationId! as never

  /** Waits until the remediation has ended or asks a person. */
  const outcome = Effect.gen(function* () {
    const ended = yield* Effect.forkChild(settled(id))
    while (ended.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
    return Option.getOrThrow(yield* Fiber.join(ended))
  })

  /** A person approves what the remediation asks now, or the question that is given. */
  const approveQuestion = (question?: number) =>
    Effect.gen(function* () {
      const at = yield* Timestamp.now
      const after = yield* store.review(
        id,
        { answer: "approved", by: "ada", at, ...(question === undefined ? {} : { question }) },
        at
      )
      yield* actors.fire(targetKey(after.target), after.alert.severity)
      return yield* outcome
    })
  const approve = Effect.flatMap(store.get(id), (self) => approveQuestion(Option.getOrThrow(self).questions))

  /** The alert ends. `endsAt` is by the clock of the sender. */
  const resolve = (endsAt: string) =>
    receive({
      ...stuckRollout,
      status: "resolved",
      alerts: stuckRollout.alerts.map((alert) => ({ ...alert, status: "resolved", endsAt }))
    })

  /** Stores another alert about the target of a remediation. */
  const accept = ({ alert, target }: Remediation, next: string) =>
    Effect.gen(function* () {
      const other = { ...alert, fingerprint: next, name: "Another" }
      const id = next as RemediationId
      const accepted = yield* store.accept([{ id, alert: other, target, provisional: false }], yield* Timestamp.now)
      return accepted[0]
    })

  /** The end of the work on it. */
  const another = (first: Remediation) =>
    Effect.gen(function* () {
      const next = "rem-2" as RemediationId
      yield* accept(first, next)
      yield* actors.fire(targetKey(first.target), first.alert.severity)
      const ended = yield* Effect.forkChild(settled(next))
      while (ended.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
      return Option.getOrThrow(yield* Fiber.join(ended))
    })

  const deployment = Effect.map(
    Effect.orDie(client.get(checkout)),
    (object) => object as unknown as Deployment & { readonly metadata: { readonly annotations?: object } }
  )

  return {
    client,
    outcome,
    approve,
    approveQuestion,
    resolve,
    accept,
    another,
    /** The alert is posted again. */
    fire: receive(webhook),
    deployment,
    image: Effect.map(deployment, ({ spec }) => spec.template.spec.containers[0]?.image),
    /** The replica counts that the service has written, rollbacks included. */
    writtenReplicas: Effect.map(store.journal(id), (entries) =>
      entries.flatMap(({ event }) =>
        event._tag === "Intended" || event._tag === "RollbackIntended"
          ? event.intent.changes.flatMap((change) => (change._tag === "Patch" ? change.patch : []))
          : []
      )
    ).pipe(
      Effect.map((patch) =>
        patch.flatMap((operation) =>
          operation.op !== "remove" && operation.path === "/spec/replicas" ? [operation.value] : []
        )
      )
    ),
    store,
    history: Context.get(context, ActionHistory),
    orders: Context.get(context, StandingOrders),
    rollbackRequests: Context.get(context, RollbackRequests),
    reviews: Context.get(context, Reviews),
    /** The remediation as soon as it has ended or asks a person. */
    settled: Effect.map(settled(id), Option.getOrThrow),
    id: id as RemediationId,
    events: Effect.map(store.journal(id), (entries) => entries.map(({ event }) => event))
  }
})
