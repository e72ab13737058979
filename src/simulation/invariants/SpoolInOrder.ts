/**
 * The spool is taken into the database entry by entry, each once, in the order in which they were stored. No number is
 * given to two entries, because the database would take the second one for a repeat. While an entry waits, the process
 * that has it stores no newer post of the same alert past it.
 */

import type { Invariant } from "./Invariant.ts"

/** A post that had been received before the entry was stored may be committed after it. Posts wait for some seconds. */
const concurrentMs = 30_000

interface Entry {
  readonly process: number | undefined
  readonly atMs: number
  readonly fingerprints: ReadonlyArray<string>
}

export const spoolInOrder: Invariant = {
  name: "spool-in-order",
  description:
    "Entries of the spool have numbers of their own and are stored once each, in order, and no newer post of an alert overtakes them.",
  make: (_, report) => {
    /** The last entry of each spool that the database has. */
    const reached = new Map<string, number>()
    const waiting = new Map<string, Entry>()
    /** The alerts of every entry that was on the disk. */
    const contents = new Map<string, string>()
    /**
     * The alerts of the entries that a commit takes, and when: an alert may have several entries, so the replay of one
     * comes before the others. Without a row in the journal no `Committed` follows.
     */
    const replaying = new Map<string, number>()
    /** When a commit took an entry that nobody has seen on the disk: a loss of power came before its sync, and left it. */
    let unseenMs = -1
    const overtaken = (fingerprint: string, process: number | undefined, atMs: number) =>
      [...waiting].find(
        ([, entry]) =>
          entry.process === process && atMs - entry.atMs > concurrentMs && entry.fingerprints.includes(fingerprint)
      )
    return {
      on: {
        SpoolStored: ({ alerts, process, sequence, spool }, atMs) => {
          const entry = `${spool} ${sequence}`
          const content = alerts.map(({ fingerprint, firing }) => `${fingerprint} ${firing}`).join()
          if ((contents.get(entry) ?? content) !== content)
            report(`entry ${sequence} of spool ${spool} was stored on its disk twice, with other alerts`)
          contents.set(entry, content)
          // The next process has read what a killed one had written, before it was synced.
          if (sequence <= (reached.get(spool) ?? 0)) return
          waiting.set(entry, {
            process,
            atMs,
            fingerprints: alerts.flatMap(({ fingerprint, firing }) => (firing ? [fingerprint] : []))
          })
        },
        // Of an entry that was refused, the database takes the number.
        SpoolErased: ({ sequence, spool }) => {
          if (sequence <= (reached.get(spool) ?? 0)) return
          contents.delete(`${spool} ${sequence}`)
          waiting.delete(`${spool} ${sequence}`)
        },
        SpoolReplayed: ({ sequence, spool }, atMs) => {
          const before = reached.get(spool) ?? 0
          if (sequence <= before) report(`entry ${sequence} of spool ${spool} was stored again, after entry ${before}`)
          else if (sequence > before + 1) report(`entry ${sequence} of spool ${spool} was stored after entry ${before}`)
          // The rows of this commit follow.
          const entry = waiting.get(`${spool} ${sequence}`)
          if (entry === undefined) unseenMs = atMs
          for (const fingerprint of entry?.fingerprints ?? []) replaying.set(fingerprint, atMs)
          reached.set(spool, Math.max(before, sequence))
          waiting.delete(`${spool} ${sequence}`)
        },
        Committed: ({ events, process }, atMs) => {
          const fromSpool = new Map(replaying)
          replaying.clear()
          if (waiting.size === 0 || unseenMs === atMs) return
          for (const { event, kind } of events) {
            // A handover begins a remediation without a post.
            if (kind !== "Accepted" || event._tag !== "Accepted" || event.continues !== undefined) continue
            if (fromSpool.get(event.alert.fingerprint) === atMs) continue
            const found = overtaken(event.alert.fingerprint, process, atMs)
            if (found !== undefined)
              report(`a post of alert ${event.alert.fingerprint} was stored before entry ${found[0]} of the spool`)
          }
        }
      }
    }
  }
}
