/**
 * What must work at every level: status, readiness, reviews, the audit log and the emergency stop respond within 5
 * seconds, and alerts are taken or refused in a way that makes the sender come back.
 *
 * | response                       | allowed                                                                      |
 * | ------------------------------ | ---------------------------------------------------------------------------- |
 * | none                           | while the process is down or paused                                          |
 * | the database takes nothing     | while a fault of it is active, and soon after. The status responds even then |
 * | a defect, which would be a 500 | never, unless a fault breaks the driver of the database                      |
 */

import type { Invariant } from "./Invariant.ts"

const soonMs = 5_000
/** How long a fault of the database has effects. */
const settlesMs = 60_000

/** They need no database. */
const independent: ReadonlySet<string> = new Set(["status", "readiness"])

export const essentialServices: Invariant = {
  name: "essential-services",
  description:
    "At every level, status, reviews, audit log and emergency stop respond, and alerts are taken or put off.",
  make: (_, report) => {
    const asked = [0, 0, 0, 0]
    let level = 0
    let storageFaults = 0
    let storageUntilMs = -1
    /** What is left of such a fault meets the next process. */
    let isLeft = false
    /** When the process was last not able to respond. */
    let awayMs = 0
    /** When it resumed from its last pause. */
    let resumedMs = -Infinity
    let isReady = false
    const isOfStorage = (kind: string) => kind.startsWith("storage") || kind.startsWith("spool")
    const isStorageWell = (sinceMs: number) => storageFaults === 0 && storageUntilMs < sinceMs
    return {
      on: {
        FaultBegan: ({ fault: { kind } }) => {
          if (isOfStorage(kind)) storageFaults++
        },
        FaultHealed: ({ fault: { kind } }, atMs) => {
          if (!isOfStorage(kind)) return
          storageFaults--
          // A process that is paused meets what is left of it when it resumes.
          storageUntilMs = Math.max(atMs, resumedMs) + settlesMs
          isLeft ||= !isReady
        },
        ProcessReady: ({ process }, atMs) => {
          if (process !== "service") return
          isReady = true
          awayMs = atMs
          if (isLeft) storageUntilMs = Math.max(storageUntilMs, atMs + settlesMs)
          isLeft = false
        },
        ProcessEnded: ({ process }, atMs) => {
          if (process !== "service") return
          isReady = false
          awayMs = atMs
          isLeft ||= !isStorageWell(atMs)
        },
        ProcessPaused: ({ forMs }, atMs) => {
          resumedMs = Math.max(resumedMs, atMs + forMs)
          awayMs = Math.max(awayMs, resumedMs)
        },
        LevelIs: (is) => {
          level = is.level
        },
        AlertPutOff: ({ how }, atMs) => {
          if (how === "broken" && isStorageWell(atMs)) report("a post of alerts was answered with a defect")
          // A post that has waited through a pause is put off, because its time is over.
          if (how === "not-stored" && isStorageWell(atMs) && resumedMs + soonMs < atMs)
            report("alerts were not stored, and nothing is wrong with the database")
        },
        EssentialAsked: ({ askedMs, essential, outcome }, atMs) => {
          asked[level] = (asked[level] ?? 0) + 1
          const isWell = isStorageWell(askedMs)
          if (outcome === "unreachable" && isReady && awayMs < askedMs)
            report(`${essential} did not respond, and the service is ready`)
          if (outcome === "broken" && (isWell || independent.has(essential)))
            report(`${essential} responded with a defect at level ${level}`)
          if (outcome === "not-stored" && (isWell || independent.has(essential)))
            report(`${essential} could not be read at level ${level}, and nothing is wrong with the database`)
          if (atMs - askedMs > soonMs && awayMs < askedMs && isWell)
            report(`${essential} responded after ${atMs - askedMs} ms at level ${level}`)
        }
      },
      figures: () => Object.fromEntries(asked.map((count, at) => [`askedAtLevel${at}`, count]))
    }
  }
}
