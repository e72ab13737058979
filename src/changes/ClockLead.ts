/**
 * How far the clock of the API server is ahead of ours, as far as the times of recent writes say. Pure.
 *
 * The API server dates no deletion, and no update that only removes fields. Such a change is seen by our clock, and if
 * that is behind, the change may look older than a symptom that it followed. Any other write shows how far the clocks
 * are apart: it cannot have been made later than it is seen.
 */

import { type Timestamp, toMillis } from "../domain/Timestamp.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"

/** How far the clock of the API server may be ahead of ours and still agree with it. Its times are whole seconds. */
export const aheadMs = 2000
/** Beyond that it is no clock: clients may write such times, and the tokens of a cluster would not work. */
const mostMs = 15 * 60_000
/** A clock is corrected some time, and then no write says so. Objects that are in use are written every few minutes. */
const keptMs = 10 * 60_000

/** The largest lead of late, and when it was seen. */
export interface ClockLead {
  readonly leadMs: number
  readonly seenMs: number
}

const isKept = ({ seenMs }: ClockLead, nowMs: number): boolean => nowMs - seenMs <= keptMs && nowMs >= seenMs

/** The lead with what the times of one more object say. */
export const leadAfter = (
  lead: ClockLead | undefined,
  { metadata: { creationTimestamp = "", managedFields = [] } }: KubernetesObject,
  seenAt: Timestamp
): ClockLead | undefined => {
  // Both are written alike as far as their seconds, so their order is that of their text. Most are older.
  const latest = managedFields.reduce((last, { time = "" }) => (time > last ? time : last), creationTimestamp)
  const seenMs = toMillis(seenAt)
  const kept = lead !== undefined && isKept(lead, seenMs) ? lead : undefined
  if (latest <= seenAt) return kept
  const leadMs = Date.parse(latest) - seenMs
  return leadMs > aheadMs && leadMs <= mostMs && leadMs >= (kept?.leadMs ?? 0) ? { leadMs, seenMs } : kept
}
