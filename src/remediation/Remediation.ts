/**
 * The path of one alert, from acceptance to conclusion, on one page. Most steps are files in `stages/`.
 *
 * | step        | does                                                                                                                                  | journals (durable before the next step begins)                                                                                                                   |
 * | ----------- | ------------------------------------------------------------------------------------------------------------------------------------- | ---------------------------------------------------------------------------------------------------------------------------------------------------------------- |
 * | *(intake)*  | accepts the webhook                                                                                                                   | `Accepted`, before the 202                                                                                                                                       |
 * | Retarget    | reads the root owner of the target                                                                                                    | `Retargeted`; `Joined` when the owner already has an open remediation                                                                                            |
 * | Investigate | queries HolmesGPT, then LLMs, then the rules                                                                                          | `Investigated`: every hop, the result, what it saw                                                                                                               |
 * | Decide      | applies level, guardrails, history and mode; plans an action with its inverse and dry-runs it on the server                           | `Decided`, and with it `Intended`, **before** the first write to the cluster                                                                                     |
 * | AwaitReview | nothing: no fiber waits, and the review starts a new activation                                                                       | *(operator)* `Reviewed`                                                                                                                                          |
 * | Execute     | checks the fence, writes                                                                                                              | `Executed`: applied yes, no or unknown                                                                                                                           |
 * | Verify      | watches the workload settle                                                                                                           | `Verified`: fixed, not fixed or unknown                                                                                                                          |
 * | RollBack    | undoes an action that failed half-way, did not help, or that a person wants undone; reads back whether the target is as it was before | `RollbackRequested` with the event that leads to it; `RollbackIntended` **before** the first write, `RollbackExecuted`, `RollbackVerified`; or `RollbackStopped` |
 * | Conclude    |                                                                                                                                       | `Concluded` with a final state, in the commit of the event that leads to it                                                                                      |
 *
 * An alert of severity info or none is only monitored: it is decided at once, without Retarget and Investigate.
 *
 * **After a crash** a new activation claims the target (which fences the old one), replays the journal and calls
 * `nextStep` again. A step whose event is missing is repeated: reads and investigations change nothing, a plan gets the
 * same execution id as before, and `Execute` reads the cluster back before it writes, because the write may have
 * happened. Therefore no step is journaled twice and no action is carried out twice.
 */

import { Context, type Duration, Effect, type Latch } from "effect"
import { summary } from "../changes/SuspectText.ts"
import type { Severity } from "../domain/Alert.ts"
import { isFinal, type Remediation } from "../domain/Remediation.ts"
import { targetKey } from "../domain/Target.ts"
import { dueMs } from "../domain/Urgency.ts"
import { CurrentDue, Raisable } from "../resilience/Due.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import * as Patience from "../resilience/pipeline/Patience.ts"
import type { Claim, Fenced } from "../storage/RemediationStore.ts"
import type { StorageError } from "../storage/StorageError.ts"
import type { Drive } from "./Activation.ts"
import * as Journal from "./Journal.ts"
import { type NextStep, nextStep } from "./NextStep.ts"
import * as Decide from "./stages/Decide.ts"
import * as Execute from "./stages/Execute.ts"
import * as Investigate from "./stages/Investigate.ts"
import * as Observe from "./stages/Observe.ts"
import * as Retarget from "./stages/Retarget.ts"
import * as RollBack from "./stages/RollBack.ts"
import * as Verify from "./stages/Verify.ts"
import * as UntilResolved from "./UntilResolved.ts"
import * as UntilRollback from "./UntilRollback.ts"

export interface RemediationOptions extends Decide.DecideOptions {
  /**
   * How long a remediation waits for a cluster that it cannot read: because a limit of Kubernaut (a full bulkhead, an
   * open circuit breaker) turns its requests away, or because the API server does not respond. After that a person is
   * told that the cluster could not be read. It counts once before the action, and again for each step after it.
   * Default 5 minutes: longer than the restart of a control plane, and shorter than a person waits.
   */
  readonly patience?: Duration.Input
}

/** The default of `RemediationOptions.patience`. */
const defaultPatience = "5 minutes"

/** What was durable when an activation began: an earlier one may have carried it out in part. */
interface Inherited {
  readonly executions: number
  readonly attempts: number
}

/** A person has approved the action, or asked for the rollback, and it is not done yet. */
const isAwaited = ({ approval, rollback, state }: Remediation): boolean =>
  state === "RollingBack" ? rollback?.trigger === "operator" : approval !== undefined && state !== "Verifying"

/** The due time of the actor, which raises it when a graver alert joins meanwhile. */
const dueBy = Effect.fnUntraced(function* (self: Remediation, urgency: Severity) {
  const given = yield* Effect.service(CurrentDue)
  const due = given instanceof Raisable ? given : new Raisable()
  due.raise(dueMs(isAwaited(self) ? "critical" : urgency, yield* Monotonic.nowMs))
  return due
})

/** Builds the stages, and returns the function that drives a remediation through them. */
export const make = Effect.fnUntraced(function* (options: RemediationOptions) {
  const journal = yield* Journal.make
  const observe = yield* Observe.make
  const resolved = yield* UntilResolved.make
  const rollbackAsked = yield* UntilRollback.make
  const retarget = yield* Retarget.make(journal, resolved)
  const investigate = yield* Investigate.make(journal, observe, resolved)
  const decide = yield* Decide.make(options, journal, observe)
  const execute = yield* Execute.make(options.mode, journal)
  const verify = yield* Verify.make(journal)
  const patience = () => Patience.make(options.patience ?? defaultPatience)
  const rollBack = yield* RollBack.make(options.mode, journal, patience)

  const perform = (
    step: Exclude<NextStep, { _tag: "Done" | "AwaitReview" }>,
    claim: Claim,
    self: Remediation,
    wake: Latch.Latch,
    inherited: Inherited,
    verification: Verify.Verification
  ): Effect.Effect<Remediation, StorageError | Fenced> => {
    switch (step._tag) {
      case "Retarget":
        return retarget(claim, self, wake)
      case "Investigate":
        return investigate(claim, self, wake)
      case "Decide":
        return decide(claim, self)
      case "Execute":
        return Effect.andThen(
          verification.prepare(self),
          execute(claim, self, step.intent, self.executions.length <= inherited.executions)
        )
      case "Verify":
        return Effect.raceFirst(verification.verify(claim, self, step.intent), rollbackAsked(self, wake))
      case "PlanRollback":
      case "ExecuteRollback":
      case "VerifyRollback":
        return rollBack(claim, self, inherited.attempts)
      case "RequestRollback":
      case "Conclude":
        return journal(claim, self, [])
    }
  }

  const drive: Drive = Effect.fnUntraced(function* (claim, self, wake, urgency) {
    const waiting = Context.make(CurrentDue, yield* dueBy(self, urgency))
    const beforeActing = patience()
    let current = self
    const verification = verify()
    const inherited = { executions: self.executions.length, attempts: self.rollback?.attempts.length ?? 0 }
    while (targetKey(current.target) === claim.target) {
      const step = nextStep(current)
      if (step._tag === "Done" || step._tag === "AwaitReview") break
      const isAfterIntent = step._tag === "Execute" || step._tag === "Verify"
      current = yield* Effect.provideContext(
        perform(step, claim, current, wake, inherited, verification),
        Context.add(waiting, Patience.CurrentPatience, isAfterIntent ? patience() : beforeActing)
      )
    }
    yield* Effect.annotateCurrentSpan({ "kubernaut.remediation.state": current.state })
    yield* Effect.logInfo(pauseOf(current), logged(current))
    return current
  })

  return drive
})

/** Why an activation stops, for the log. */
const pauseOf = ({ state }: Remediation): string => {
  if (isFinal(state)) return "Remediation ended"
  return state === "AwaitingReview" ? "Remediation waits for a person" : "Remediation moves to its root owner"
}

/** What the log says of a remediation that stops: why, and what may have caused its alert. */
const logged = ({ alert, conclusion, state, suspects }: Remediation) => ({
  state,
  ...(conclusion === undefined ? {} : { reason: conclusion }),
  ...(suspects === undefined ? {} : { suspects: summary(suspects, alert.startsAt) })
})
