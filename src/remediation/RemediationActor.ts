/**
 * One activation of a target's actor: claim the target, work its open remediation as far as it goes, and say how that
 * ended.
 *
 * This is the core under every layer of `RemediationActors`. It holds nothing between activations: after a crash, a
 * restart or a move to another machine the next activation reads all it needs from the store.
 */

import { Cause, Effect, type Latch, Option } from "effect"
import { type TargetKey, targetKey } from "../domain/Target.ts"
import { RemediationStore } from "../storage/RemediationStore.ts"
import * as Remediation from "./Remediation.ts"

/** How an activation ended. */
export type ActivationResult =
  /** Nothing (more) to do here until somebody fires the target. */
  | { readonly _tag: "Idle" }
  /** The remediation belongs to its root owner now: that target is to be fired. */
  | { readonly _tag: "Moved"; readonly target: TargetKey }
  /** Another activation has claimed the target: stay down for a while instead of claiming it back. */
  | { readonly _tag: "Fenced" }
  /** Storage failed or something broke: the sweep comes back to it. */
  | { readonly _tag: "Failed" }

const idle: ActivationResult = { _tag: "Idle" }

export type Activate = (target: TargetKey, wake: Latch.Latch) => Effect.Effect<ActivationResult>

export const make = Effect.fnUntraced(function* (options: Remediation.RemediationOptions) {
  const store = yield* RemediationStore
  const work = yield* Remediation.make(options)

  const activate: Activate = (target, wake) =>
    Effect.gen(function* () {
      const activation = yield* work.activation
      const { claim, open } = yield* store.claim(target, activation.begin)
      if (Option.isNone(open) || !activation.hasBegun()) return idle
      const after = yield* activation.run(claim, open.value, wake)
      const home = targetKey(after.target)
      return home === target || after.state === "Joined" ? idle : ({ _tag: "Moved", target: home } as const)
    }).pipe(
      Effect.catchTags({
        Fenced: (error) =>
          Effect.as(Effect.logWarning("Another process has taken over the target", { target, epoch: error.epoch }), {
            _tag: "Fenced"
          } as const),
        StorageError: (error) =>
          Effect.as(
            Effect.logError("Storage failed; the target is taken up again later", { target, reason: error.message }),
            { _tag: "Failed" } as const
          )
      }),
      Effect.catchDefect((defect) =>
        Effect.as(Effect.logError("A remediation broke; the target is taken up again later", Cause.die(defect)), {
          _tag: "Failed"
        } as const)
      )
    )

  return activate
})
