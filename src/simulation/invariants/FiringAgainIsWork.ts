/**
 * An alert that fires again is new work: it is not taken for a repeat of an episode that is over. An alert that still
 * fires is not: it has one remediation, whatever start its posts name.
 *
 * A firing post is a repeat of a remediation that has ended only if the alert still fires since then.
 */

import type { AlertIdentity, CommittedEvent } from "../observation/Observation.ts"
import type { Invariant } from "./Invariant.ts"

/** How much later one replica of Prometheus may see an alert begin than another. */
const replicaSkewMs = 120_000

const keyOf = ({ fingerprint, startsAt }: AlertIdentity): string => `${fingerprint} of ${startsAt}`

const endKey = (fingerprint: string, endMs: number): string => `${fingerprint} until ${endMs}`

/** A moment by the world's clock, and by the wall clock of the service. */
interface Moment {
  readonly atMs: number
  readonly wallMs: number
}

const momentOf = ({ at }: CommittedEvent, atMs: number): Moment => ({ atMs, wallMs: Date.parse(at) })

/** What the journal says about the work on each remediation's alert. */
const works = (wallStartMs: number) => {
  const began = new Map<string, Moment & { readonly startsAtMs: number }>()
  /** The remediation that began the episode of each that continues one. */
  const firsts = new Map<string, string>()
  const firstOf = (remediationId: string): string => firsts.get(remediationId) ?? remediationId
  /** When each ended, or joined another. */
  const ended = new Map<string, Moment>()
  /** The remediation that works on the alert of each that joined another or handed over. */
  const worker = new Map<string, string>()
  const endOf = (remediationId: string): Moment | undefined => {
    const next = worker.get(remediationId)
    return next === undefined ? ended.get(remediationId) : endOf(next)
  }
  return {
    /**
     * Whether the work on an alert had ended when it started by the sender's clock. A remediation that joined another
     * ends with it. The sender's clock differs from the service's, so only durations are compared. Where the service's
     * wall clock has jumped, the remediation took as long as it says. A continuation has the `startsAt` of the first
     * post, so its time is counted from when that was received, not from the handover.
     */
    hadEndedBy: (remediationId: string, startMs: number): boolean => {
      const from = began.get(firstOf(remediationId))
      const to = endOf(remediationId)
      // A post that arrived before the end may get its response after it.
      if (from === undefined || to === undefined || startMs <= wallStartMs + to.atMs) return false
      return startMs - from.startsAtMs > Math.max(to.atMs - from.atMs, to.wallMs - from.wallMs) + replicaSkewMs
    },
    firstOf,
    isEnded: (remediationId: string) => endOf(remediationId) !== undefined,
    isOpen: (remediationId: string) => !ended.has(remediationId),
    note: (row: CommittedEvent, atMs: number) => {
      const { event, remediationId } = row
      if (event._tag === "Accepted" && event.continues !== undefined)
        firsts.set(remediationId, firstOf(event.continues))
      else if (event._tag === "Accepted")
        began.set(remediationId, { ...momentOf(row, atMs), startsAtMs: Date.parse(event.alert.startsAt) })
      if (event._tag === "Concluded" || event._tag === "Joined") ended.set(remediationId, momentOf(row, atMs))
      if (event._tag === "Joined") worker.set(remediationId, event.joinedTo)
      if (event._tag !== "HandedOver") return
      worker.set(remediationId, event.to)
      worker.delete(event.to)
      ended.delete(event.to)
    }
  }
}

/** Which acknowledged ends have ended which remediation's alert. */
const endings = (firstOf: (remediationId: string) => string) => {
  /** The latest start that was acknowledged as part of each remediation, by the one that began its episode. */
  const starts = new Map<string, number>()
  /** The latest end of each alert that was acknowledged, by fingerprint. */
  const ends = new Map<string, number>()
  /** When the end of each remediation's alert was first acknowledged. */
  const resolved = new Map<string, number>()
  /** The ends that were acknowledged into the spool, so that no response says which remediation they belong to. */
  const spooled = new Set<string>()
  /** The remediation that each end has ended, as the journal says. */
  const recorded = new Map<string, string>()
  const isOfOther = (end: string, remediationId: string): boolean => {
    const by = recorded.get(end)
    return by === undefined ? spooled.has(end) : firstOf(by) !== firstOf(remediationId)
  }
  return {
    resolvedMs: (remediationId: string): number | undefined => resolved.get(remediationId),
    recorded: (fingerprint: string, endMs: number, remediationId: string) =>
      void recorded.set(endKey(fingerprint, endMs), remediationId),
    firing: (startMs: number, remediationId: string) => {
      const first = firstOf(remediationId)
      starts.set(first, Math.max(startMs, starts.get(first) ?? -Infinity))
    },
    resolution: (fingerprint: string, endMs: number, remediationId: string | undefined, atMs: number) => {
      const key = endKey(fingerprint, endMs)
      if (remediationId === undefined) return void spooled.add(key)
      // A copy of an earlier resolution, and one that was overtaken by a firing post, end nothing.
      if (
        isOfOther(key, remediationId)
        || endMs <= (ends.get(fingerprint) ?? -Infinity)
        || endMs < (starts.get(firstOf(remediationId)) ?? Infinity)
      )
        return
      ends.set(fingerprint, endMs)
      if (!resolved.has(remediationId)) resolved.set(remediationId, atMs)
    }
  }
}

export const firingAgainIsWork: Invariant = {
  name: "firing-again-is-work",
  description:
    "An alert that fires after its remediation ended and its resolution was received begins a remediation, and one that still fires does not.",
  make: ({ world }, report) => {
    const work = works(world.wallStartMs)
    const alertEnds = endings(work.firstOf)
    /** When each alert was last sent as firing, apart from repeats. */
    const sent = new Map<string, number>()
    /** The newest remediation of each alert, by fingerprint. */
    const newest = new Map<string, string>()
    /** Those whose alert is resolved, as the journal says. */
    const over = new Set<string>()
    const fingerprints = new Map<string, string>()
    const accepted = (fingerprint: string, remediationId: string) => {
      fingerprints.set(remediationId, fingerprint)
      const before = newest.get(fingerprint)
      newest.set(fingerprint, remediationId)
      if (before !== undefined && work.isOpen(before) && !over.has(before))
        report(`alert ${fingerprint} begins remediation ${remediationId}, and ${before} is still open about it`)
    }
    const swallowed = (alert: AlertIdentity, remediationId: string, atMs: number): boolean => {
      if (!work.isEnded(remediationId)) return false
      const startMs = Date.parse(alert.startsAt)
      // A start in the future says nothing about when the alert began: it may be sent again and again.
      if (work.hadEndedBy(remediationId, startMs) && startMs <= world.wallStartMs + atMs) return true
      const overMs = alertEnds.resolvedMs(remediationId)
      const sentMs = sent.get(keyOf(alert))
      return overMs !== undefined && sentMs !== undefined && sentMs > overMs
    }
    return {
      on: {
        AlertSent: ({ alert, firing }, atMs) => {
          if (firing) sent.set(keyOf(alert), atMs)
        },
        Committed: ({ events }, atMs) => {
          for (const row of events) {
            const { event, remediationId } = row
            work.note(row, atMs)
            if (event._tag === "AlertResolved") {
              over.add(remediationId)
              alertEnds.recorded(fingerprints.get(remediationId) ?? "", Date.parse(event.endsAt), remediationId)
            } else if (event._tag === "Accepted") accepted(event.alert.fingerprint, remediationId)
          }
        },
        AlertAnswered: ({ alert, endsAt, firing, remediationId, status }, atMs) => {
          if (!firing) return alertEnds.resolution(alert.fingerprint, Date.parse(endsAt ?? ""), remediationId, atMs)
          if (remediationId === undefined) return
          if (status === "duplicate" && swallowed(alert, remediationId, atMs))
            report(`alert ${keyOf(alert)} fires again, and was taken for a repeat of remediation ${remediationId}`)
          alertEnds.firing(Date.parse(alert.startsAt), remediationId)
        }
      }
    }
  }
}
