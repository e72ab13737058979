/**
 * An acknowledged alert is in the journal, and its remediation completes or, while the alert fires, waits for a person.
 */

import { isFinal } from "../../domain/Remediation.ts"
import type { Observation } from "../observation/Observation.ts"
import type { Invariant } from "./Invariant.ts"

type SpoolStored = Extract<Observation, { readonly _tag: "SpoolStored" }>

/** What the disk of the spool has, what the database took of it, and what the journal has to have of that. */
const spooledAlerts = (report: (message: string) => void) => {
  const known = new Set<string>()
  const onDisk = new Set<string>()
  /** How many entries with an alert were on the disk and not erased before their replay, and how many were acknowledged. */
  const kept = new Map<string, number>()
  const promised = new Map<string, number>()
  const count = (counts: Map<string, number>, key: string, by: number) => counts.set(key, (counts.get(key) ?? 0) + by)
  const entries = new Map<string, SpoolStored["alerts"]>()
  /** Firing alerts that the database took, and that the journal does not name yet. */
  const due = new Set<string>()
  const replayed = new Set<string>()
  const hasTo = (alerts: SpoolStored["alerts"]): void => {
    for (const { fingerprint, firing } of alerts) if (firing && !known.has(fingerprint)) due.add(fingerprint)
  }
  return {
    stored: ({ alerts, sequence, spool }: SpoolStored): void => {
      for (const { fingerprint, firing } of alerts) {
        onDisk.add(`${fingerprint} ${firing}`)
        count(kept, `${fingerprint} ${firing}`, 1)
      }
      // The next process has read what a killed one had written, before it was synced.
      if (replayed.has(`${spool} ${sequence}`)) hasTo(alerts)
      else entries.set(`${spool} ${sequence}`, alerts)
    },
    /** What nobody was told of may be taken back. */
    erased: ({ sequence, spool }: { readonly spool: string; readonly sequence: number }): void => {
      for (const { fingerprint, firing } of entries.get(`${spool} ${sequence}`) ?? []) {
        const alert = `${fingerprint} ${firing}`
        count(kept, alert, -1)
        if ((promised.get(alert) ?? 0) > (kept.get(alert) ?? 0))
          report(`alert ${fingerprint} was acknowledged as spooled, and was erased before it was in the database`)
      }
      entries.delete(`${spool} ${sequence}`)
    },
    replayed: ({ sequence, spool }: { readonly spool: string; readonly sequence: number }): void => {
      hasTo(entries.get(`${spool} ${sequence}`) ?? [])
      replayed.add(`${spool} ${sequence}`)
      entries.delete(`${spool} ${sequence}`)
    },
    accepted: (fingerprint: string): void => {
      known.add(fingerprint)
      due.delete(fingerprint)
    },
    acknowledged: (fingerprint: string, firing: boolean): void => {
      count(promised, `${fingerprint} ${firing}`, 1)
      if (!onDisk.has(`${fingerprint} ${firing}`))
        report(`alert ${fingerprint} was acknowledged as spooled, and is not on the disk of the spool`)
    },
    waiting: (): ReadonlyArray<string> => [
      ...[...entries.keys()].map((entry) => `entry ${entry} of the spool is not in the database`),
      ...[...due].map((fingerprint) => `alert ${fingerprint} came from the spool, and is not in the journal`)
    ]
  }
}

export const noAlertLost: Invariant = {
  name: "no-alert-lost",
  description:
    "Every acknowledged alert is in the journal, or on the disk of the spool until it is, and its remediation ends, or waits for a person while the alert fires.",
  make: (_, report) => {
    /** The open remediations, by id. */
    const open = new Map<string, "open" | "waiting">()
    /** Remediations whose alert is resolved: no review is needed any more. */
    const resolved = new Set<string>()
    /** The fingerprint of the alert of each remediation. */
    const alerts = new Map<string, string>()
    const spooled = spooledAlerts(report)
    return {
      on: {
        SpoolStored: spooled.stored,
        SpoolErased: spooled.erased,
        SpoolReplayed: spooled.replayed,
        Committed: ({ events }) => {
          for (const { event, kind, remediationId } of events) {
            if (kind === "Accepted" && event._tag === "Accepted") {
              open.set(remediationId, "open")
              alerts.set(remediationId, event.alert.fingerprint)
              spooled.accepted(event.alert.fingerprint)
            }
            // Only the events that matter here are parsed.
            else if (kind === "Concluded" && event._tag === "Concluded") {
              if (!isFinal(event.state)) report(`remediation ${remediationId} concluded as ${event.state}`)
              open.delete(remediationId)
            } else if (kind === "Joined") open.delete(remediationId)
            else if (kind === "Decided" && event._tag === "Decided") {
              open.set(
                remediationId,
                event.decision.outcome === "review" && !resolved.has(remediationId) ? "waiting" : "open"
              )
            } else if (kind === "Reviewed" || kind === "ReviewTimedOut") open.set(remediationId, "open")
            else if (kind === "AlertResolved" && open.has(remediationId)) {
              resolved.add(remediationId)
              open.set(remediationId, "open")
            }
          }
        },
        AlertAnswered: ({ alert, firing, remediationId, spooled: isSpooled, status }) => {
          if (isSpooled === true) return spooled.acknowledged(alert.fingerprint, firing)
          if (status !== "accepted" && status !== "duplicate") return
          if (remediationId === undefined || alerts.get(remediationId) !== alert.fingerprint) {
            report(
              `alert ${alert.fingerprint} was acknowledged as ${status}, and no remediation of it is in the journal`
            )
          }
        }
      },
      atEnd: () => {
        for (const [id, state] of open) if (state === "open") report(`remediation ${id} has not completed`)
        for (const waiting of spooled.waiting()) report(waiting)
      },
      pending: () => [
        ...[...open].filter(([, state]) => state === "open").map(([id]) => `remediation ${id} is open`),
        ...spooled.waiting()
      ]
    }
  }
}
