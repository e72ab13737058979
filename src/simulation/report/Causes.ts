/**
 * What keeps the service from being available, so that its own share can be told from that of its surroundings.
 *
 * | cause        | time in which                                                                          | whose          |
 * | ------------ | -------------------------------------------------------------------------------------- | -------------- |
 * | `restart`    | there is no process: it was killed, and the next one has not been started              | a fault's      |
 * | `boot`       | a process has been started and is not ready                                            | the service's  |
 * | `paused`     | an alert waits, and the process is paused: by a fault, or by a disk that is slow       | a fault's      |
 * | `storage`    | … and neither the database nor the spool can store it, which a fault keeps from it     | a fault's      |
 * | `sender`     | … and its sender has not tried again since the process or the disks are back           | the sender's   |
 * | `not-stored` | … since its sender was told that nothing is stored, although no fault was there        | the service's  |
 * | `shed`       | … since its sender was told that there are too many                                    | see the faults |
 * | `broken`     | … since its sender got a defect                                                        | the service's  |
 * | `answering`  | … and has arrived, and the process, which is neither down nor paused, has not answered | the service's  |
 *
 * An alert waits once it was posted more than ten seconds ago, as for `deaf`. Causes overlap.
 */

import type { AlertIdentity, Handlers, PostState } from "../observation/Observation.ts"
import { covered, type Span, without } from "./Spans.ts"

export const causes = [
  "restart",
  "boot",
  "paused",
  "storage",
  "sender",
  "not-stored",
  "shed",
  "broken",
  "answering"
] as const
export type Cause = (typeof causes)[number]

export type ByCause = Readonly<Record<Cause, number>>

export const none: ByCause = Object.fromEntries(causes.map((cause) => [cause, 0])) as Record<Cause, number>

export const add = (left: ByCause, right: ByCause): ByCause =>
  Object.fromEntries(causes.map((cause) => [cause, left[cause] + right[cause]])) as Record<Cause, number>

const keyOf = ({ alert, firing }: { readonly alert: AlertIdentity; readonly firing: boolean }): string =>
  `${firing} ${alert.fingerprint} ${alert.startsAt}`

interface Waiting {
  /** From when on its wait counts. */
  readonly fromMs: number
  cause: Cause
  sinceMs: number
}

/** Faults of both disks. While only the database fails, the spool has to take alerts. */
const isOfBoth = (kind: string): boolean => kind.startsWith("spool")

/** Collects the causes of one run. `waitsAfterMs`: how long an alert may be without an answer. */
export class CausesRecorder {
  readonly on: Handlers
  private readonly spans = new Map<Cause, Array<Span>>(causes.map((cause) => [cause, []]))
  private readonly pauses: Array<Span> = []
  /** The time in which faults keep the disks from storing. */
  private readonly faults: Array<Span> = []
  private storageFaults = 0
  private storageSinceMs = 0
  private readonly announced = new Set<string>()
  private readonly waiting = new Map<string, Waiting>()
  /** Why there is no process that is ready, and since when. */
  private away: { readonly cause: "restart" | "boot"; readonly sinceMs: number } | undefined
  private endMs: number | undefined

  constructor(waitsAfterMs: number) {
    this.on = {
      ProcessBooted: ({ process }, atMs) => {
        if (process === "service") this.goesAway("boot", atMs)
      },
      ProcessReady: ({ process }, atMs) => {
        if (process === "service") this.goesAway(undefined, atMs)
      },
      ProcessEnded: ({ process }, atMs) => {
        if (process === "service") this.goesAway("restart", atMs)
      },
      ProcessPaused: ({ forMs }, atMs) => void this.pauses.push({ fromMs: atMs, toMs: atMs + forMs }),
      AlertSent: (sent) => void this.announced.add(keyOf(sent)),
      AlertPosted: (posted, atMs) => {
        const key = keyOf(posted)
        if (this.announced.delete(key))
          this.waiting.set(key, { fromMs: atMs + waitsAfterMs, cause: "answering", sinceMs: atMs })
      },
      PostIs: ({ alerts, state }, atMs) => {
        for (const alert of alerts) {
          const waits = this.waiting.get(keyOf(alert))
          if (waits === undefined) continue
          const cause = this.causeOf(state, waits)
          this.close(waits, atMs)
          Object.assign(waits, { cause, sinceMs: atMs })
        }
      },
      AlertAnswered: (answer, atMs) => {
        const key = keyOf(answer)
        const waits = this.waiting.get(key)
        if (waits !== undefined) this.close(waits, atMs)
        this.waiting.delete(key)
      },
      FaultBegan: ({ fault }, atMs) => {
        if (isOfBoth(fault.kind) && this.storageFaults++ === 0) this.storageSinceMs = atMs
      },
      FaultHealed: ({ fault }, atMs) => {
        if (isOfBoth(fault.kind) && --this.storageFaults === 0)
          this.faults.push({ fromMs: this.storageSinceMs, toMs: atMs })
      },
      HealingBegan: (_, atMs) => this.end(atMs)
    }
  }

  /** The time of each cause until healing began, or until `nowMs` where it has not. */
  at(nowMs: number): ByCause {
    this.end(nowMs)
    const endMs = this.endMs ?? 0
    const spansOf = (cause: Cause) => this.spans.get(cause) ?? []
    const away = [...spansOf("restart"), ...spansOf("boot")]
    const excused = [...away, ...this.pauses]
    const timeOf = (cause: Cause): number => {
      const spans = spansOf(cause).map(({ fromMs, toMs }) => ({ fromMs, toMs: Math.min(toMs, endMs) }))
      if (cause === "restart" || cause === "boot") return covered(spans)
      // What a fault kept from being stored waits for its sender once the fault is over.
      const later = cause === "sender" ? without(spansOf("storage"), this.faults) : []
      const own = cause === "storage" ? without(spans, without(spans, this.faults)) : spans
      return covered(without([...own, ...later], excused))
    }
    const waits = causes.slice(3).flatMap(spansOf)
    const paused = covered(without(waits, away)) - covered(without(waits, excused))
    return Object.fromEntries(causes.map((cause) => [cause, cause === "paused" ? paused : timeOf(cause)])) as Record<
      Cause,
      number
    >
  }

  /** Why an alert waits from now on. A try that began or ended during a fault of the disks has failed by it. */
  private causeOf(state: PostState, { sinceMs }: Waiting): Cause {
    if (state === "tried") return "answering"
    if (state === "unreachable") return "sender"
    const isByFault = this.storageFaults > 0 || this.faults.some(({ toMs }) => toMs >= sinceMs)
    return state === "not-stored" && isByFault ? "storage" : state
  }

  private close({ cause, fromMs, sinceMs }: Waiting, atMs: number): void {
    this.add(cause, Math.max(fromMs, sinceMs), atMs)
  }

  private add(cause: Cause, fromMs: number, toMs: number): void {
    if (this.endMs === undefined && toMs > fromMs) this.spans.get(cause)?.push({ fromMs, toMs })
  }

  private goesAway(cause: "restart" | "boot" | undefined, atMs: number): void {
    if (this.away !== undefined) this.add(this.away.cause, this.away.sinceMs, atMs)
    this.away = cause === undefined ? undefined : { cause, sinceMs: atMs }
  }

  private end(atMs: number): void {
    if (this.endMs !== undefined) return
    if (this.away !== undefined) this.add(this.away.cause, this.away.sinceMs, atMs)
    for (const waits of this.waiting.values()) this.close(waits, atMs)
    if (this.storageFaults > 0) this.faults.push({ fromMs: this.storageSinceMs, toMs: atMs })
    this.endMs = atMs
  }
}
