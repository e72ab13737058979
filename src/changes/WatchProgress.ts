/**
 * How far the watch of each kind has come, and when it did not watch.
 *
 * An interval is a gap until it is known that nothing in it was missed. A watch that continues from its last version
 * misses nothing: its gap closes without a trace as soon as it has caught up. One that had to list again cannot know
 * what happened in between: its gap remains.
 */

import type { WatchGap } from "../domain/ObjectChange.ts"
import { type Timestamp, toMillis } from "../domain/Timestamp.ts"
import type { WatchCursor } from "../storage/ChangeStore.ts"
import { neverWatched } from "./ChangeJournal.ts"

type Reason = WatchGap["reason"]

/** A watch that has not been heard for this long may have lost its connection. Bookmarks come once a minute. */
export const silenceMs = 150_000

interface KindProgress {
  /** Empty: the watch begins with a list. */
  resourceVersion: string
  /** Everything up to this time has been seen; `null`: nothing ever was. */
  seenAt: Timestamp | null
  /** The API server itself has shown that everything up to this time was seen (`Confirmation`). */
  confirmedAt: Timestamp | null
  /** By the monotonic clock. */
  heardMs: number
  /** Why it does not watch now. */
  gap: Reason | undefined
  /** What happened in the gap cannot be known. */
  isLost: boolean
  stored: string
}

export class WatchProgress {
  private readonly kinds = new Map<string, KindProgress>()
  private ended: Array<WatchGap> = []

  constructor(kinds: ReadonlyArray<string>) {
    for (const kind of kinds)
      this.kinds.set(kind, {
        resourceVersion: "",
        seenAt: null,
        confirmedAt: null,
        heardMs: 0,
        gap: "not-started",
        isLost: false,
        stored: ""
      })
  }

  get all(): ReadonlyArray<string> {
    return [...this.kinds.keys()]
  }

  private of(kind: string): KindProgress {
    return this.kinds.get(kind)!
  }

  load(cursors: ReadonlyArray<WatchCursor>): void {
    for (const { kind, resourceVersion, seenAt } of cursors) {
      const progress = this.kinds.get(kind)
      if (progress === undefined) continue
      progress.resourceVersion = resourceVersion
      progress.seenAt = seenAt
      progress.gap = "stopped"
      progress.isLost = resourceVersion === ""
    }
  }

  /** The version from which the watch continues; `undefined`: it begins with a list. */
  from(kind: string): string | undefined {
    const { resourceVersion } = this.of(kind)
    return resourceVersion === "" ? undefined : resourceVersion
  }

  /** The time up to which everything was seen before the present gap; `null`: nothing ever was. */
  seenAt(kind: string): Timestamp | null {
    return this.of(kind).seenAt
  }

  isWatched(kind: string): boolean {
    const progress = this.kinds.get(kind)
    return progress !== undefined && progress.gap === undefined
  }

  /** Whether the cluster did not have the kind when it was last asked. */
  isAbsent(kind: string): boolean {
    return this.kinds.get(kind)?.gap === "not-served"
  }

  /** The watch cannot go on now. `isLost`: it has to begin with a list. */
  interrupt(kind: string, reason: Reason, isLost = false): void {
    const progress = this.of(kind)
    progress.gap = reason
    if (!isLost) return
    progress.isLost = true
    progress.resourceVersion = ""
  }

  /** The watch has come to a version. */
  heard(kind: string, resourceVersion: string, atMs: number): void {
    const progress = this.of(kind)
    progress.resourceVersion = resourceVersion
    progress.heardMs = atMs
  }

  /** Everything up to now has been seen. */
  caughtUp(kind: string, now: Timestamp): void {
    const progress = this.of(kind)
    const { gap, isLost, seenAt } = progress
    if (gap !== undefined && (isLost || seenAt === null))
      this.ended.push({ kind, from: seenAt, to: seenAt !== null && seenAt > now ? seenAt : now, reason: gap })
    progress.gap = undefined
    progress.isLost = false
    progress.seenAt = now
  }

  confirmed(kind: string, at: Timestamp): void {
    const progress = this.of(kind)
    if (progress.confirmedAt === null || progress.confirmedAt < at) progress.confirmedAt = at
  }

  /** Whether everything up to a time is known to have been seen: it was confirmed, or is old enough. */
  isConfirmed(kind: string, until: Timestamp, lateMs: number): boolean {
    const { confirmedAt, seenAt } = this.of(kind)
    return (
      (confirmedAt !== null && confirmedAt >= until)
      || (seenAt !== null && toMillis(seenAt) - lateMs >= toMillis(until))
    )
  }

  /** The time since when it is not known that everything was seen. */
  unconfirmed(kind: string): WatchGap {
    const { confirmedAt, seenAt } = this.of(kind)
    return { kind, from: confirmedAt ?? seenAt, to: null, reason: "unavailable" }
  }

  /** The cluster has a kind that it did not have. What happened since it was last asked is not known. */
  appeared(kind: string, now: Timestamp): WatchGap {
    return { ...this.unconfirmed(kind), to: now, reason: "not-served" }
  }

  /** One event of the kind could not be understood. What it changed is unknown. */
  missed(kind: string, now: Timestamp): void {
    this.ended.push({ kind, from: this.of(kind).seenAt, to: now, reason: "unavailable" })
  }

  isSilent(kind: string, atMs: number): boolean {
    const { gap, heardMs } = this.of(kind)
    return gap === undefined && atMs - heardMs > silenceMs
  }

  /** The gaps that are open, and those that have ended and are not stored yet. */
  gaps(kinds: ReadonlyArray<string>, since: Timestamp, atMs: number): ReadonlyArray<WatchGap> {
    const open = kinds.flatMap((kind): ReadonlyArray<WatchGap> => {
      const progress = this.kinds.get(kind)
      if (progress === undefined) return [neverWatched(kind)]
      const reason = progress.gap ?? (this.isSilent(kind, atMs) ? "unavailable" : undefined)
      return reason === undefined ? [] : [{ kind, from: progress.seenAt, to: null, reason }]
    })
    return [...this.ended.filter(({ kind, to }) => kinds.includes(kind) && (to ?? "") > since), ...open]
  }

  /** What is not stored yet, and the function to call when it has been stored. */
  unstored(): {
    readonly cursors: ReadonlyArray<WatchCursor>
    readonly gaps: ReadonlyArray<WatchGap>
    done: () => void
  } {
    const gaps = this.ended
    const changed = [...this.kinds].flatMap(([kind, progress]) => {
      const { resourceVersion, seenAt, stored } = progress
      const text = `${resourceVersion} ${seenAt}`
      return seenAt === null || text === stored ? [] : [{ cursor: { kind, resourceVersion, seenAt }, progress, text }]
    })
    return {
      cursors: changed.map(({ cursor }) => cursor),
      gaps,
      done: () => {
        for (const { progress, text } of changed) progress.stored = text
        this.ended = this.ended.filter((gap) => !gaps.includes(gap))
      }
    }
  }
}
