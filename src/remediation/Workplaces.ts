/**
 * The places at which actors work, and who gets the next one.
 *
 * An actor takes a place with `enter`. While it waits for something that may take minutes, it gives the place to others
 * with `leave`, and is **aside**; `comeBack` takes a place again. One that waits for a place is an entry in a queue and
 * needs no fiber, so a storm is cheap.
 *
 * Of those that may have the next place, the one that is due first gets it. What is not critical leaves a share of the
 * places to what is. An actor that comes back is due at once, at the latest: others may wait for the turn that it has.
 *
 * New work does not begin while as many actors are aside as there are places. Otherwise a storm would be investigated
 * as a whole, at its price, and its findings would be outdated when the turn of their actions comes. Critical work is
 * stopped only by critical actors aside. What a person has answered has begun before, and is stopped by none.
 *
 * All methods are synchronous, so an actor never holds a place without knowing it.
 */

import { Equal } from "effect"
import { DueQueue, type Entry } from "../resilience/DueQueue.ts"

/** How urgent work is. */
export interface Urgency {
  readonly isCritical: boolean
  /** Whether a person has answered, or asked for it. */
  readonly isAnswer: boolean
  /** By the monotonic clock. */
  readonly dueMs: number
}

/** What has the same share of the places, the first first. */
const ranks = ["critical", "answered", "other"] as const
type Rank = (typeof ranks)[number]

const rankOf = ({ isAnswer, isCritical }: Urgency): Rank => (isCritical ? "critical" : isAnswer ? "answered" : "other")

/** The place of one actor, from its first wait until its end. */
export interface Place {
  /** What it is wanted for. It is raised for what joins meanwhile. */
  urgency: Urgency
  status: "new" | "held" | "aside" | "ended"
  /** As what it counts while it is held or the actor is aside. */
  countedAs: Rank
  /** Where the actor waits for it. */
  entry: Entry<Place> | undefined
  onGiven: () => void
}

/** Creates the place of an actor that has not begun. */
export const placeFor = (urgency: Urgency): Place => ({
  urgency,
  status: "new",
  countedAs: rankOf(urgency),
  entry: undefined,
  onGiven: () => {}
})

type Queues = Readonly<Record<Rank, DueQueue<Place>>>

const emptyQueues = (): Queues => ({ critical: new DueQueue(), answered: new DueQueue(), other: new DueQueue() })

/** How many places may be taken by what is not critical before an actor of a rank has to wait. */
const mostOf = (concurrency: number): Readonly<Record<Rank, number>> => {
  const kept = Math.max(1, Math.floor(concurrency / 4))
  const other = Math.max(1, concurrency - kept)
  return { critical: Number.POSITIVE_INFINITY, answered: other + Math.floor(kept / 2), other }
}

/** How many places are held, and how many actors are aside. */
export interface Snapshot {
  readonly held: number
  readonly aside: number
}

/** `concurrency` places. A quarter of them, and at least one, is kept for critical work; a single one is for all. */
export class Workplaces {
  readonly concurrency: number
  readonly #most: Readonly<Record<Rank, number>>
  readonly #new = emptyQueues()
  readonly #begun = emptyQueues()
  readonly #held: Record<Rank, number> = { critical: 0, answered: 0, other: 0 }
  readonly #aside: Record<Rank, number> = { critical: 0, answered: 0, other: 0 }
  #isServing = false

  constructor(concurrency: number) {
    this.concurrency = concurrency
    this.#most = mostOf(concurrency)
  }

  /** Waits for a place to begin. `onGiven` is called once, when it is held, perhaps before this returns. */
  enter(place: Place, onGiven: () => void): void {
    this.#wait(place, onGiven)
  }

  /** Gives a place to others while its actor waits. Returns whether it was held. */
  leave(place: Place): boolean {
    if (place.status !== "held") return false
    this.#held[place.countedAs]--
    this.#aside[place.countedAs]++
    place.status = "aside"
    this.#serve()
    return true
  }

  /** Waits to go on after `leave`. `onGiven` is called as by `enter`. */
  comeBack(place: Place, nowMs: number, onGiven: () => void): void {
    place.urgency = { ...place.urgency, dueMs: Math.min(place.urgency.dueMs, nowMs) }
    this.#wait(place, onGiven)
  }

  /** Its actor has become more urgent. One that waits for a place moves forward; urgency never decreases. */
  raise(place: Place, { dueMs, isAnswer, isCritical }: Urgency): void {
    const before = place.urgency
    const after: Urgency = {
      isCritical: isCritical || before.isCritical,
      isAnswer: isAnswer || before.isAnswer,
      dueMs: Math.min(dueMs, before.dueMs)
    }
    if (Equal.equals(before, after)) return
    const isWaiting = this.#withdraw(place)
    place.urgency = after
    if (isWaiting) this.#wait(place, place.onGiven)
  }

  /** Its actor has ended, in whichever way: working, waiting or aside. */
  end(place: Place): void {
    this.#withdraw(place)
    if (place.status === "held") this.#held[place.countedAs]--
    if (place.status === "aside") this.#aside[place.countedAs]--
    place.status = "ended"
    this.#serve()
  }

  /** The load now. */
  get state(): Snapshot {
    return { held: sum(this.#held), aside: sum(this.#aside) }
  }

  #queueOf({ status, urgency }: Place): DueQueue<Place> {
    return (status === "new" && !urgency.isAnswer ? this.#new : this.#begun)[rankOf(urgency)]
  }

  #wait(place: Place, onGiven: () => void): void {
    place.onGiven = onGiven
    place.entry = this.#queueOf(place).add(place, place.urgency.dueMs)
    this.#serve()
  }

  #withdraw(place: Place): boolean {
    if (place.entry === undefined) return false
    this.#queueOf(place).remove(place.entry)
    place.entry = undefined
    return true
  }

  /** Whether so many actors are aside that new work of a rank does not begin. */
  #isStopped(rank: Rank): boolean {
    return (rank === "critical" ? this.#aside.critical : sum(this.#aside)) >= this.concurrency
  }

  /** The queue of which the first actor gets the next place; of the same moment, by rank, and what has begun first. */
  #next(): DueQueue<Place> | undefined {
    if (sum(this.#held) >= this.concurrency) return undefined
    const notCritical = this.#held.answered + this.#held.other
    let next: DueQueue<Place> | undefined
    for (const rank of ranks) {
      if (notCritical >= this.#most[rank]) continue
      if (dueMsOf(this.#begun[rank]) < dueMsOf(next)) next = this.#begun[rank]
      if (dueMsOf(this.#new[rank]) < dueMsOf(next) && !this.#isStopped(rank)) next = this.#new[rank]
    }
    return next
  }

  /** Gives places to those that may have one. */
  #serve(): void {
    // What is begun may end, leave or enter before `onGiven` returns. That is served by the loop, and does not nest.
    if (this.#isServing) return
    this.#isServing = true
    for (let queue = this.#next(); queue !== undefined; queue = this.#next()) {
      const place = queue.take()!
      place.entry = undefined
      if (place.status === "aside") this.#aside[place.countedAs]--
      place.status = "held"
      place.countedAs = rankOf(place.urgency)
      this.#held[place.countedAs]++
      place.onGiven()
    }
    this.#isServing = false
  }
}

const sum = ({ answered, critical, other }: Readonly<Record<Rank, number>>): number => critical + answered + other

const dueMsOf = (queue: DueQueue<Place> | undefined): number => queue?.first?.dueMs ?? Number.POSITIVE_INFINITY
