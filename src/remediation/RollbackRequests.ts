/**
 * The requests of people to undo the action of a remediation, whatever its state: also one that ended `Remediated`.
 *
 * A request is checked against the cluster before it is journaled, so that the person learns at once what is in the
 * way. The check changes nothing, and it is made once more before anything is written. While an action is carried out
 * there is nothing to check yet; the rollback follows when it has ended.
 */

import { Context, Effect, Layer, Option, Schema } from "effect"
import type { Intent } from "../domain/Execution.ts"
import type { Mode } from "../domain/Mode.ts"
import type { PastAction } from "../domain/PastAction.ts"
import { isFinal, type Remediation, RemediationId } from "../domain/Remediation.ts"
import { undoableOf } from "../domain/RollbackObjection.ts"
import { targetKey } from "../domain/Target.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import { writesOf } from "../domain/Writes.ts"
import { classify } from "../execution/FailureClassifier.ts"
import { RollbackExecutor } from "../execution/RollbackExecutor.ts"
import { ActionHistory } from "../storage/ActionHistory.ts"
import { NotRollbackable, RemediationStore, type RollbackAsk } from "../storage/RemediationStore.ts"
import type { StorageError } from "../storage/StorageError.ts"
import { RemediationActors } from "./RemediationActors.ts"

/** The cluster cannot be read now, so it is not known what a rollback would do. Nothing was journaled. */
export class ClusterUnread extends Schema.TaggedError<ClusterUnread>()("ClusterUnread", {
  remediationId: RemediationId,
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/** Takes requests to undo actions. */
export class RollbackRequests extends Context.Service<
  RollbackRequests,
  {
    /** Journals the request and wakes the actor of the target. Returns the remediation as it is then. */
    readonly request: (
      id: RemediationId,
      ask: RollbackAsk
    ) => Effect.Effect<Remediation, StorageError | NotRollbackable | ClusterUnread>
  }
>()("kubernaut/remediation/RollbackRequests") {}

/** How many later actions on a target are compared. */
const laterActions = 100

const overlaps = (one: string, other: string): boolean =>
  one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`)

/**
 * The later action of another remediation that has written the same fields and was not undone. What is there now is its
 * change, also if it has the same value.
 */
const overwrittenBy = (
  id: RemediationId,
  intent: Intent,
  /** Newest first. */
  actions: ReadonlyArray<PastAction>
): PastAction | undefined => {
  const own = actions.findIndex(({ remediationId }) => remediationId === id)
  const fields = writesOf(intent)?.fields ?? []
  return (own < 0 ? actions : actions.slice(0, own)).find(
    ({ applied, rolledBackAt, writes }) =>
      applied !== "no"
      && rolledBackAt === undefined
      && writes?.fields.some((field) => fields.some((other) => overlaps(field, other))) === true
  )
}

const make = Effect.fnUntraced(function* (mode: Mode) {
  const store = yield* RemediationStore
  const history = yield* ActionHistory
  const actors = yield* RemediationActors
  const executor = yield* RollbackExecutor

  /** What the cluster has against undoing a remediation that has ended. */
  const checkCluster = Effect.fnUntraced(function* (
    self: Remediation,
    refuse: (code: string, detail: string, fields?: ReadonlyArray<string>) => NotRollbackable
  ) {
    const found = undoableOf(self)
    if ("objection" in found) return yield* refuse(found.objection.code, found.objection.message)
    if (!isFinal(self.state)) return
    const { intent, outcome } = found.execution
    const result = yield* executor
      .preview({
        intent,
        outcome,
        trigger: "operator",
        attempt: (self.rollback?.attempts.length ?? 0) + 1,
        remediationId: self.id,
        // Nothing is written with it.
        epoch: 0
      })
      .pipe(Effect.mapError((error) => new ClusterUnread({ remediationId: self.id, detail: classify(error).message })))
    if (result._tag === "RollbackRefusal") return yield* refuse(result.code, result.message, result.fields)
    if (result.changes.length === 0) return
    const later = overwrittenBy(self.id, intent, yield* history.ofTarget(targetKey(self.target), laterActions))
    if (later !== undefined)
      return yield* refuse(
        "overwritten",
        `${later.action} of remediation ${later.remediationId} has written the same fields since. Roll back ${later.remediationId} first.`,
        later.writes?.fields
      )
  })

  const request = Effect.fnUntraced(function* (id: RemediationId, ask: RollbackAsk) {
    const refuse = (code: string, detail: string, fields?: ReadonlyArray<string>) =>
      new NotRollbackable({ remediationId: id, code, detail, ...(fields === undefined ? {} : { fields }) })
    const self = Option.getOrUndefined(yield* store.get(id))
    if (self === undefined)
      return yield* Option.match(yield* store.archivedIn(id), {
        onNone: () => refuse("not-found", `There is no remediation ${id}.`),
        onSome: ({ file, state }) =>
          refuse(
            "archived",
            `Remediation ${id} has ended${state === undefined ? "" : ` as ${state}`} and is archived: the file ${file} has its inverse. What is archived is not undone by the service.`
          )
      })
    if (mode === "observe")
      return yield* refuse(
        "mode",
        "The service runs in mode observe, in which nothing is written. Start it in mode approve or auto."
      )
    yield* checkCluster(self, refuse)
    const after = yield* store.requestRollback(id, ask, yield* Timestamp.now)
    yield* actors.fire(targetKey(after.target), after.alert.severity, "answered")
    yield* Effect.logWarning("A person asked to roll back", { remediation: id, by: ask.by, reason: ask.reason })
    return after
  })

  return RollbackRequests.of({ request })
})

/** `mode` is that of the service. */
export const layer = (mode: Mode) => Layer.effect(RollbackRequests, make(mode))
