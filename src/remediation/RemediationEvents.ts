/**
 * What happens to remediations, as it happens: for server-sent events, metrics and tests that wait for an end instead
 * of sleeping.
 *
 * An event is published after its commit, so nobody hears of something that a crash could still undo. Whoever may have
 * missed one reads the journal.
 */

import { Context, Layer } from "effect"
import type { Remediation, RemediationEventKind } from "../domain/Remediation.ts"
import * as EventHub from "../resilience/EventHub.ts"

/** The remediation as it is after `event`. */
export interface RemediationChange {
  readonly event: RemediationEventKind
  readonly remediation: Remediation
}

export class RemediationEvents extends Context.Service<RemediationEvents, EventHub.EventHub<RemediationChange>>()(
  "kubernaut/remediation/RemediationEvents"
) {}

export const layer: Layer.Layer<RemediationEvents> = Layer.sync(RemediationEvents, () =>
  EventHub.make<RemediationChange>()
)
