/**
 * What people are told of the level of a process, and that it is cut off. Pure.
 *
 * Processes that share a database share these conditions, and each has a level of its own. A line says what others were
 * in when it was recorded (`others`): it ends no condition in which one of them is, and it is not told as the end of
 * that. Lines of earlier versions, and those of a process that is alone, do not name any.
 */

import { Option, Schema } from "effect"
import type { AuditEvent } from "../domain/AuditEvent.ts"
import { DegradationLevel, levelName } from "../domain/DegradationLevel.ts"
import type { Condition, Notification } from "../domain/Notification.ts"
import type { InForce } from "../storage/Levels.ts"
import type { Facts } from "./RemediationFacts.ts"

type Told = Omit<Notification, "key" | "at" | "cluster">

const level: Condition = { name: "level", severity: "warning" }
const emergency: Condition = { name: "emergency", severity: "critical" }
const cutOff: Condition = { name: "cut-off", severity: "critical" }

const decodeOthers = Schema.decodeUnknownOption(
  Schema.Array(Schema.Struct({ level: DegradationLevel, isCutOff: Schema.Boolean }))
)

/** What the other processes are in. */
const makeOthers = ({ data: { others } }: AuditEvent) => {
  const found: ReadonlyArray<InForce> = Option.getOrElse(decodeOthers(others), () => [])
  const lasts: Readonly<Record<string, (other: InForce) => boolean>> = {
    emergency: (other) => other.level === 3,
    level: (other) => other.level === 1 || other.level === 2,
    "cut-off": (other) => other.isCutOff
  }
  const isIn = ({ name }: Condition): boolean => found.some(lasts[name] ?? (() => false))
  return {
    isIn,
    /** `ends`: those of the conditions that last nowhere else. */
    ends: (...conditions: ReadonlyArray<Condition>): Pick<Told, "ends"> => {
      const ends = conditions.filter((condition) => !isIn(condition))
      return ends.length === 0 ? {} : { ends }
    }
  }
}

const levelIn = (value: unknown): 0 | 1 | 2 | 3 => (value === 1 || value === 2 || value === 3 ? value : 0)

const becauseOf = ({ data: { reasons } }: AuditEvent): readonly [string, string | undefined] => [
  "Because",
  Array.isArray(reasons) ? reasons.join("; ") : undefined
]

const ofChange = (line: AuditEvent, teller: Facts): Told => {
  const [from, to] = [levelIn(line.data["from"]), levelIn(line.data["to"])]
  const others = makeOthers(line)
  const facts = teller.facts([["Level", `${to} ${levelName(to)}, before ${from} ${levelName(from)}`], becauseOf(line)])
  if (to === 3)
    return {
      kind: "emergency-entered",
      severity: "critical",
      title: "Emergency: alerts are stored and escalated, and nothing is acted on",
      facts,
      begins: emergency,
      ...others.ends(level)
    }
  const now = to === 0 ? others.ends(level, emergency) : { begins: level, ...others.ends(emergency) }
  if (from === 3 && !others.isIn(emergency))
    return { kind: "emergency-left", severity: "critical", title: "The emergency is over", facts, ...now }
  const title =
    to > 0
      ? `Degraded to level ${to}, ${levelName(to)}`
      : others.isIn(emergency)
        ? "A process works again, and another one is still in an emergency"
        : others.isIn(level)
          ? "A process works again, and another one is still degraded"
          : "Everything works again"
  return { kind: "level-changed", severity: "warning", title, facts, ...now }
}

const ofPeers = (line: AuditEvent, teller: Facts): Told => {
  const others = makeOthers(line)
  const facts = teller.facts([becauseOf(line)])
  return line.kind === "peers.cut-off"
    ? {
        kind: "cut-off",
        severity: "critical",
        title: "Every peer is out at once: Kubernaut is cut off",
        facts,
        begins: cutOff
      }
    : {
        kind: "cut-off-ended",
        severity: "critical",
        title: others.isIn(cutOff)
          ? "A process is not cut off any more, and another one still is"
          : "Kubernaut is not cut off any more",
        facts,
        ...others.ends(cutOff)
      }
}

/** What is told of `level.changed`, `peers.cut-off` and `peers.reached`; `undefined` for another line. */
export const ofLevel = (line: AuditEvent, teller: Facts): Told | undefined => {
  switch (line.kind) {
    case "level.changed":
      return ofChange(line, teller)
    case "peers.cut-off":
    case "peers.reached":
      return ofPeers(line, teller)
    default:
      return undefined
  }
}
