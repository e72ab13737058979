/**
 * Publishes the events of remediations, for server-sent events, metrics and tests that wait for a state instead of
 * sleeping.
 *
 * An event is published after its commit, so a crash cannot undo a published event. A listener that may have missed
 * events reads the journal.
 */

import { Context, Layer } from "effect"
import type { Remediation, RemediationEventKind } from "../domain/Remediation.ts"
import * as EventHub from "../resilience/EventHub.ts"

/** A journal event and the remediation after it. */
export interface RemediationChange {
  readonly event: RemediationEventKind
  readonly remediation: Remediation
}

/**
 * The hub of all remediation events.
 *
 * ```ts
 * import { Effect } from "effect"
 * import { RemediationEvents } from "kubernaut"
 *
 * const logConclusions = Effect.gen(function* () {
 *   const hub = yield* RemediationEvents.RemediationEvents
 *   yield* hub.listen(({ event, remediation }) => {
 *     if (event === "Concluded") console.log(remediation.id, remediation.state)
 *   })
 * })
 * Effect.isEffect(logConclusions) // => true
 * ```
 */
export class RemediationEvents extends Context.Service<RemediationEvents, EventHub.EventHub<RemediationChange>>()(
  "kubernaut/remediation/RemediationEvents"
) {}

/** A hub for this process. */
export const layer: Layer.Layer<RemediationEvents> = Layer.sync(RemediationEvents, () =>
  EventHub.make<RemediationChange>()
)
