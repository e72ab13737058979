/**
 * An activation of a target: the actor claims the target, drives its open remediation, and returns how the activation
 * ended.
 *
 * This is the core of every layer of `RemediationActors`. It keeps no state between activations: after a crash, a
 * restart or a move to another machine the next activation reads everything from the store.
 */

import { Cause, Effect, type Latch, Option } from "effect"
import { mostSevere, type Severity } from "../domain/Alert.ts"
import { type TargetKey, targetKey } from "../domain/Target.ts"
import { RemediationStore } from "../storage/RemediationStore.ts"
import * as Activation from "./Activation.ts"
import * as Remediation from "./Remediation.ts"
import { RemediationEvents } from "./RemediationEvents.ts"
import * as RepeatedDefects from "./RepeatedDefects.ts"

/** How an activation ended. */
export type ActivationResult =
  /** There is nothing to do until the target is fired again. */
  | { readonly _tag: "Idle" }
  /**
   * The remediation now belongs to its root owner, has joined that one's, or has handed over to another one. That
   * target must be fired.
   */
  | { readonly _tag: "Moved"; readonly target: TargetKey; readonly severity: Severity }
  /** Another activation has claimed the target. Sweeps skip the target for a while instead of claiming it back. */
  | { readonly _tag: "Fenced" }
  /** Storage failed. The sweep retries. */
  | { readonly _tag: "Failed" }
  /** A defect occurred. Sweeps skip the target for a while, and retry. */
  | { readonly _tag: "Broken" }

const idle: ActivationResult = { _tag: "Idle" }
const fenced: ActivationResult = { _tag: "Fenced" }
const failed: ActivationResult = { _tag: "Failed" }
const broken: ActivationResult = { _tag: "Broken" }

/** `fired` is the most severe alert for which the target was fired. */
export type Activate = (target: TargetKey, wake: Latch.Latch, fired: Severity) => Effect.Effect<ActivationResult>

export const make = Effect.fnUntraced(function* (options: Remediation.RemediationOptions) {
  const store = yield* RemediationStore
  const events = yield* RemediationEvents
  const drive = yield* RepeatedDefects.make(yield* Remediation.make(options))

  const activate: Activate = (target, wake, fired) =>
    Effect.gen(function* () {
      const activation = yield* Activation.make(drive, events)
      const { claim, open } = yield* store.claim(target, activation.begin)
      if (Option.isNone(open) || !activation.hasBegun()) return idle
      const urgency = mostSevere(open.value.alert.severity, fired)
      const after = yield* activation.run(claim, open.value, wake, urgency)
      const home = targetKey(after.target)
      if (after.handedOverTo !== undefined) {
        const next = yield* store.get(after.handedOverTo)
        const { severity } = Option.getOrElse(next, () => after).alert
        return { _tag: "Moved", target: home, severity } as const
      }
      // Work that waits there for its turn becomes as urgent as what joins it.
      return home === target ? idle : ({ _tag: "Moved", target: home, severity: urgency } as const)
    }).pipe(
      Effect.catchTags({
        Fenced: ({ epoch }) =>
          Effect.as(Effect.logWarning("Another process has claimed the target", { target, epoch }), fenced),
        StorageError: ({ message }) =>
          Effect.as(
            Effect.logError("Storage failed; the sweep retries the target", { target, reason: message }),
            failed
          )
      }),
      Effect.catchDefect((defect) =>
        Effect.as(Effect.logError("A remediation failed unexpectedly; the sweep retries it", Cause.die(defect)), broken)
      )
    )

  return activate
})
