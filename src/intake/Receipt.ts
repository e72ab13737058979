/** What intake did with the alerts of a post: for the sender, and for metrics. */

import type { Severity } from "../domain/Alert.ts"
import type { RemediationId } from "../domain/Remediation.ts"
import type { AcceptResult, ResolveResult } from "../storage/RemediationStore.ts"
import type { Arrival } from "./Arrivals.ts"
import { isWatchdog } from "./OnlyRecorded.ts"

/**
 * What intake did with an alert. `accepted` includes alerts that joined a remediation in progress, and alerts that are
 * only recorded because they are about another cluster.
 */
export type AlertStatus = "accepted" | "duplicate" | "resolved" | "shed"

/** The result of one alert of a post. */
export interface AlertResult {
  readonly fingerprint: string
  readonly status: AlertStatus
  /** Absent for a shed alert, for a resolved alert that is unknown, and for a spooled alert. */
  readonly remediationId?: RemediationId
  /**
   * The alert is on disk, and not yet in the database, which cannot store it now. Whether it is a repeat is found out
   * later, so its status is `accepted` or `resolved`, and it has no remediation yet.
   */
  readonly spooled?: true
}

/** The result of one post. */
export interface Receipt {
  /** One result per alert, in the order of the alerts. */
  readonly results: ReadonlyArray<AlertResult>
  /** The number of shed alerts. If all were shed, the sender should retry. */
  readonly shed: number
  /** Milliseconds until a retry makes sense. Present when alerts were shed. */
  readonly retryAfterMs?: number
  /**
   * The number of alerts that the sender left out of the post. The service never sees them. Present when there are any.
   */
  readonly truncated?: number
}

/**
 * An alert and what intake did with it, for metrics. Published after the commit. An alert that was spooled is published
 * twice: as `spooled`, and with what became of it when the database has it.
 */
export interface AlertReceived {
  readonly status: AlertStatus | "spooled"
  readonly severity: Severity
  readonly source: string
  /** It fires, and it is the alert that always does. */
  readonly watchdog?: true
  /** The alert was accepted and ended in the same commit. No actor publishes an event about it. */
  readonly ended?: "Joined" | "Observed"
}

/** The result of an arrival. */
export interface Outcome {
  readonly arrival: Arrival
  readonly result: AlertResult
  readonly ended?: "Joined" | "Observed"
}

const fingerprintOf = ({ alert }: Arrival): string => alert.fingerprint

export const shedOutcome = (arrival: Arrival): Outcome => ({
  arrival,
  result: { fingerprint: fingerprintOf(arrival), status: "shed" }
})

export const spooledOutcome = (arrival: Arrival): Outcome => ({
  arrival,
  result: {
    fingerprint: fingerprintOf(arrival),
    status: arrival.source.status === "firing" ? "accepted" : "resolved",
    spooled: true
  }
})

/** How an alert ended in the commit that accepted it, if it did. */
export const endedIn = ({ status }: AcceptResult): { readonly ended?: "Joined" | "Observed" } =>
  status === "joined" ? { ended: "Joined" } : status === "observed" ? { ended: "Observed" } : {}

/** What a firing alert that the database has is called. */
export const statusOf = ({ status }: AcceptResult): "accepted" | "duplicate" =>
  status === "duplicate" ? "duplicate" : "accepted"

export const acceptedOutcome = (arrival: Arrival, accepted: AcceptResult): Outcome => ({
  arrival,
  result: {
    fingerprint: fingerprintOf(arrival),
    status: statusOf(accepted),
    remediationId: accepted.remediationId
  },
  ...endedIn(accepted)
})

export const resolvedOutcome = (arrival: Arrival, { remediationId }: ResolveResult): Outcome => ({
  arrival,
  result: {
    fingerprint: fingerprintOf(arrival),
    status: "resolved",
    ...(remediationId === undefined ? {} : { remediationId })
  }
})

export const eventOf = (
  { arrival, ended, result }: Outcome,
  source: string,
  watchdog: string | undefined
): AlertReceived => ({
  status: result.spooled === true ? "spooled" : result.status,
  severity: arrival.alert.severity,
  source,
  ...(arrival.notOurs === undefined && arrival.source.status === "firing" && isWatchdog(arrival.source.labels, watchdog)
    ? { watchdog: true }
    : {}),
  ...(ended === undefined ? {} : { ended })
})

export const receiptOf = (outcomes: ReadonlyArray<Outcome>, retryAfterMs: number, truncated: number): Receipt => {
  const results = outcomes.map(({ result }) => result)
  const shed = results.filter(({ status }) => status === "shed").length
  return { results, shed, ...(shed === 0 ? {} : { retryAfterMs }), ...(truncated === 0 ? {} : { truncated }) }
}
