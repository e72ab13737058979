/** The level in force, as the rest of the service sees it. */

import { type Capabilities, levelName } from "../domain/DegradationLevel.ts"
import type { LevelLine } from "../domain/LevelRecord.ts"
import type { Timestamp } from "../domain/Timestamp.ts"
import type { Level } from "./LevelOf.ts"

/** The level in force, and since when. */
export interface Status extends Level {
  /** When the level last changed. Wall-clock time, for display only. */
  readonly since: Timestamp
  /** What the service can do at this level. Every stage obeys it. */
  readonly capabilities: Capabilities
  /** The services that are back but not asked before the level rises, by the names of their breakers. */
  readonly held: ReadonlyArray<string>
  /** Whether no peer answers: then it is likelier that we are cut off than that all are out. */
  readonly isCutOff: boolean
}

/** Whether two statuses differ in anything but their time. */
export const changed = (left: Status, right: Status): boolean =>
  left.level !== right.level
  || left.isCutOff !== right.isCutOff
  || left.reasons.join("\n") !== right.reasons.join("\n")
  || left.held.join(" ") !== right.held.join(" ")

/** What happened between two statuses, for the audit log. */
export const linesOf = (before: Status, after: Status, at: Timestamp): ReadonlyArray<LevelLine> => [
  ...(before.level === after.level
    ? []
    : [
        {
          kind: "level.changed",
          subject: levelName(after.level),
          data: { from: before.level, to: after.level, reasons: after.reasons },
          at
        }
      ]),
  ...(before.isCutOff === after.isCutOff
    ? []
    : [
        {
          kind: after.isCutOff ? "peers.cut-off" : "peers.reached",
          subject: "peers",
          data: { reasons: after.reasons },
          at
        }
      ])
]
