/** What the owner of the level remembers, and the status that follows from it and from the facts of a moment. */

import { capabilities } from "../domain/DegradationLevel.ts"
import type { LevelRecord } from "../domain/LevelRecord.ts"
import { describe } from "../domain/StandingOrder.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import type { Assessment } from "./Assessment.ts"
import type { ReadFacts } from "./LevelFacts.ts"
import { isOut, type TierState } from "./LevelOf.ts"
import type { Status } from "./LevelStatus.ts"
import { defaultTimes, type LevelTrack, startAt, step } from "./LevelTransition.ts"

/** What the fiber remembers from one update to the next. */
export interface LevelState {
  track: LevelTrack
  /** The reasons for which the automatic level last fell. */
  because: ReadonlyArray<string>
  /** The services that went out and are not asked before the level rises. */
  held: ReadonlySet<string>
  /** The keys of the causes that an operator has dismissed, and when each was found last. */
  dismissed: ReadonlyMap<string, number>
  isExhausted: boolean
  /** When the automatic level last rose. */
  roseAt: Timestamp.Timestamp | undefined
  /** When the level may rise, in words: computed once, because both clocks are rounded. */
  wait: { readonly atMs: number; readonly text: Timestamp.Timestamp } | undefined
}

/** The state of a process that starts. `wallMs`: the time of the wall clock, for what another process has kept. */
export const stateAt = (kept: LevelRecord | undefined, nowMs: number, wallMs: number): LevelState => {
  const { automatic = 0, dismissed = [], out = [], reasons = [], roseAt } = kept ?? {}
  // A wall clock that was set back must not keep the level down for longer than a rise ever does.
  const agoMs = roseAt === undefined ? Infinity : Math.max(0, wallMs - Timestamp.toMillis(roseAt))
  return {
    track: startAt(automatic, nowMs - agoMs),
    because: reasons,
    held: new Set(out),
    dismissed: new Map(dismissed.map((key) => [key, nowMs])),
    isExhausted: false,
    roseAt,
    wait: undefined
  }
}

/**
 * A dismissed cause counts again when it has been gone for 5 minutes. It is the same incident before, and after a
 * restart it may take as long to be found again.
 */
const stillDismissed = (
  before: ReadonlyMap<string, number>,
  { dismissed }: Assessment,
  nowMs: number
): ReadonlyMap<string, number> => {
  const found = new Set(dismissed)
  return new Map(
    [...before]
      .map(([key, atMs]) => [key, found.has(key) ? nowMs : atMs] as const)
      .filter(([, atMs]) => nowMs - atMs < defaultTimes.betweenRisesMs)
  )
}

/** The tiers that are back, and are not asked before the level rises. */
const heldOf = (state: LevelState, tiers: ReadonlyArray<TierState>, isWaiting: boolean): ReadonlyArray<string> => {
  const out = tiers.filter(isOut).map(({ service }) => service)
  state.held = new Set(isWaiting ? [...state.held, ...out] : out)
  return tiers
    .filter(({ circuit, service }) => (circuit === "Closed" || circuit === "Unproven") && state.held.has(service))
    .map(({ service }) => service)
}

/** One update of the state: the status that follows from the facts, and when to look again. */
export const next = (
  state: LevelState,
  facts: ReadFacts,
  found: Assessment,
  times: { readonly nowMs: number; readonly wallMs: number; readonly dwellMs: number }
): { readonly status: Omit<Status, "since">; readonly againMs: number } => {
  const { dwellMs, nowMs, wallMs } = times
  const { againAtMs, track } = step(state.track, found.level, nowMs, { ...defaultTimes, dwellMs })
  if (track.roseMs !== state.track.roseMs) state.roseAt = Timestamp.fromMillis(wallMs)
  state.track = track
  const wasExhausted = state.isExhausted
  state.isExhausted = false
  state.dismissed = stillDismissed(state.dismissed, found, nowMs)
  const isWaiting = track.level > found.level
  if (!isWaiting) state.because = found.reasons
  if (state.wait?.atMs !== againAtMs)
    state.wait = isWaiting
      ? { atMs: againAtMs, text: Timestamp.fromMillis(wallMs + Math.max(0, againAtMs - nowMs)) }
      : undefined
  const waits =
    state.wait === undefined
      ? []
      : [
          `The level stays at ${track.level} until ${state.wait.text} at least. It fell because: ${state.because.join("; ")}`
        ]
  const level = facts.declared === undefined ? track.level : 3
  return {
    status: {
      level,
      reasons: [
        ...(facts.declared === undefined ? [] : [describe("emergency", facts.declared)]),
        ...found.reasons,
        ...waits
      ],
      capabilities: capabilities(level),
      held: heldOf(state, facts.tiers, isWaiting),
      isCutOff: found.isCutOff
    },
    // An exhausted chain is a moment: from the next one on, it is over.
    againMs: wasExhausted ? 1 : Math.max(1, againAtMs - nowMs)
  }
}

/** What the next process has to know. */
export const recordOf = (
  status: Status,
  state: LevelState,
  { found, out, unrestored }: Required<Pick<LevelRecord, "out" | "found" | "unrestored">>
): LevelRecord => ({
  level: status.level,
  reasons: status.reasons,
  since: status.since,
  automatic: state.track.level,
  ...(state.roseAt === undefined ? {} : { roseAt: state.roseAt }),
  out,
  dismissed: [...state.dismissed.keys()],
  ...(status.isCutOff ? { isCutOff: true } : {}),
  ...(found.length === 0 ? {} : { found }),
  // That is not absent where something is out: what an earlier version has recorded has no times.
  ...(unrestored.length + out.length === 0 ? {} : { unrestored })
})
