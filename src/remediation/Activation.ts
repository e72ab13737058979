/**
 * One activation: the work of an actor on a remediation, from the claim until the remediation ends, waits for a person
 * or moves to another target. Each activation is one trace span.
 */

import { Effect, type Latch, Tracer } from "effect"
import type { Severity } from "../domain/Alert.ts"
import type { Remediation } from "../domain/Remediation.ts"
import { displayName, targetKey } from "../domain/Target.ts"
import type { Begin, Claim, Fenced } from "../storage/RemediationStore.ts"
import type { StorageError } from "../storage/StorageError.ts"
import { nextStep } from "./NextStep.ts"
import type { RemediationEvents } from "./RemediationEvents.ts"

/**
 * Drives a remediation until it ends, waits for a person or moves. `wake` opens when another party journals an event.
 * `urgency` is the severity of its alert, or of a more severe one that has joined it.
 */
export type Drive = (
  claim: Claim,
  self: Remediation,
  wake: Latch.Latch,
  urgency: Severity
) => Effect.Effect<Remediation, StorageError | Fenced>

export interface Activation {
  /**
   * Returns `Started`, to be journaled in the commit of the claim. Returns nothing for a remediation that waits for a
   * person: every sweep claims it again, perhaps for days.
   */
  readonly begin: Begin
  readonly hasBegun: () => boolean
  /** Drives the remediation within the span that `begin` started, and ends the span. */
  readonly run: Drive
}

/**
 * Creates an activation.
 *
 * `begin` starts the span within the transaction of the claim, because only the transaction knows whether the
 * remediation already has a trace.
 */
export const make = (drive: Drive, events: RemediationEvents["Service"]): Effect.Effect<Activation> =>
  Effect.map(Effect.context<never>(), (context): Activation => {
    let span: Tracer.Span | undefined
    return {
      begin: (self, { epoch }) => {
        if (nextStep(self)._tag === "AwaitReview") return []
        span = Effect.runSyncWith(context)(startSpan(self))
        return [{ _tag: "Started", traceId: span.traceId, spanId: self.spanId ?? span.spanId, epoch }]
      },
      hasBegun: () => span !== undefined,
      run: (claim, self, wake, urgency) =>
        Effect.suspend(() => {
          events.publish({ event: "Started", remediation: self })
          return within(span!, drive(claim, self, wake, urgency))
        }).pipe(Effect.annotateLogs({ remediation: self.id, alert: self.alert.name, target: displayName(self.target) }))
    }
  })

/** Starts the span. After a crash or a review it continues the trace of the first activation. */
const startSpan = (self: Remediation): Effect.Effect<Tracer.Span> =>
  Effect.makeSpan("remediation", {
    ...(self.traceId === undefined || self.spanId === undefined
      ? { root: true }
      : { parent: Tracer.externalSpan({ traceId: self.traceId, spanId: self.spanId }) }),
    attributes: {
      "kubernaut.remediation.id": self.id,
      "kubernaut.alert.name": self.alert.name,
      "kubernaut.alert.severity": self.alert.severity,
      "kubernaut.target": targetKey(self.target)
    }
  })

const within = <A, E>(span: Tracer.Span, work: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  work.pipe(
    Effect.withParentSpan(span),
    Effect.onExit((exit) =>
      Effect.clockWith((clock) => Effect.sync(() => span.end(clock.currentTimeNanosUnsafe(), exit)))
    )
  )
