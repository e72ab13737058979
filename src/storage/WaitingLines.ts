/** The lines about the level that the database has not taken. Pure. */

import { hash } from "node:crypto"
import { levelName } from "../domain/DegradationLevel.ts"
import type { LevelLine, LevelRecord } from "../domain/LevelRecord.ts"
import type { Timestamp } from "../domain/Timestamp.ts"
import type { InForce, UnrecordedLine } from "./Levels.ts"

const isIn = ({ isCutOff = false, level }: LevelRecord): boolean => level > 0 || isCutOff

const inForce = ({ isCutOff = false, level }: LevelRecord): InForce => ({ level, isCutOff })

/** A line that waits. `isOfAnother`: a process that has ended has left it. */
export interface Waiting extends UnrecordedLine {
  readonly isOfAnother?: boolean
}

/** The line says what others are in, as far as the row does not. For that of another process this one is among them. */
export const besideOthers = (
  { isOfAnother, ...self }: Waiting,
  own: LevelRecord | undefined,
  beside: ReadonlyArray<LevelRecord>
): UnrecordedLine => {
  const others = [...beside, ...(isOfAnother === true && own !== undefined ? [own] : [])].filter(isIn).map(inForce)
  if (others.length === 0) return self
  const data = { ...self.line.data, others: others.map(({ isCutOff, level }) => ({ level, isCutOff })) }
  return { ...self, line: { ...self.line, data } }
}

/** The same for the same line, also when it counts those before it that were lost. */
const keyOf = ({ actor, at, data, kind, subject }: LevelLine): string =>
  typeof data["key"] === "string"
    ? data["key"]
    : hash("sha256", JSON.stringify([actor, at, { ...data, lost: undefined }, kind, subject])).slice(0, 32)

/**
 * Every line is recorded with its key, and with those who have heard of it. Nobody knows when a write begins whether it
 * will be late, and the line is then told from memory while it is written.
 */
export const withKey = ({ key, line, told }: UnrecordedLine): LevelLine => ({
  ...line,
  data: { ...line.data, key, ...(told.length === 0 ? {} : { told: [...told] }) }
})

export const heard = (self: Waiting, sink: string): Waiting => ({
  ...self,
  told: [...new Set([...self.told, sink])]
})

/** Those that were not taken are recorded again and again. */
export const withFresh = (
  waiting: ReadonlyArray<Waiting>,
  lines: ReadonlyArray<LevelLine>,
  sinceMs: number
): ReadonlyArray<Waiting> => {
  const known = new Set(waiting.map(({ key }) => key))
  const all = lines.map((line) => ({ line, key: keyOf(line), told: [], sinceMs }))
  return [...waiting, ...all.filter(({ key }) => !known.has(key))]
}

/** A line of this process of which nobody has heard: who hears of it then has heard of those before it. */
export const isUntold = ({ isOfAnother, told }: Waiting): boolean => isOfAnother !== true && told.length === 0

/** Whether a line that is recorded later ends an emergency or a level as bad as this one. */
const isEndedBy = (waiting: ReadonlyArray<Waiting>, { level }: LevelRecord): boolean =>
  waiting.some(
    ({ line: { data, kind } }) => kind === "level.changed" && typeof data["from"] === "number" && data["from"] >= level
  )

const isReachedBy = (waiting: ReadonlyArray<Waiting>): boolean =>
  waiting.some(({ line: { kind } }) => kind === "peers.reached")

/**
 * What a process that has a level does to what another one has kept: its own level is in force. What is worse in it was
 * told when it began.
 */
export const replacedBy = (
  kept: LevelRecord,
  own: LevelRecord,
  waiting: ReadonlyArray<Waiting>,
  at: Timestamp
): ReadonlyArray<LevelLine> => [
  ...(kept.level <= own.level || isEndedBy(waiting, kept)
    ? []
    : [
        {
          kind: "level.changed",
          subject: levelName(own.level),
          data: { from: kept.level, to: own.level, reasons: own.reasons },
          at
        }
      ]),
  ...(kept.isCutOff === true && own.isCutOff !== true && !isReachedBy(waiting)
    ? [{ kind: "peers.reached", subject: "peers", data: { reasons: own.reasons }, at }]
    : [])
]
