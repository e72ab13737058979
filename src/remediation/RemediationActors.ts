/**
 * One actor per target processes the remediations of that target one at a time, so two actions never race on one
 * Deployment.
 *
 * `layerLocal` runs all actors in this process. A layer on `effect/cluster` for several machines is planned.
 *
 * Messages are volatile and tables are durable. `fire` only wakes the actor of a target, which reads its work from the
 * store. A lost message therefore delays an alert until the next sweep, but never loses it.
 */

import { Context, Duration, Effect, FiberSet, Latch, Layer } from "effect"
import { mostSevere, type Severity } from "../domain/Alert.ts"
import { clusterOf, type TargetKey } from "../domain/Target.ts"
import { dueMs } from "../domain/Urgency.ts"
import * as Due from "../resilience/Due.ts"
import { DueQueue, type Entry } from "../resilience/DueQueue.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { RemediationStore } from "../storage/RemediationStore.ts"
import type { RemediationOptions } from "./Remediation.ts"
import * as RemediationActor from "./RemediationActor.ts"
import * as ReviewTimeouts from "./ReviewTimeouts.ts"
import type { ReviewTimes } from "./ReviewTimes.ts"

/** The default of `LocalOptions.concurrency`. */
export const defaultConcurrency = 256

/** Options of `layerLocal`. */
export interface LocalOptions extends RemediationOptions {
  /** The cluster whose targets are worked on. The work of other clusters in the database is left alone. Default: any. */
  readonly cluster?: string
  /**
   * The number of targets processed at the same time. The others wait durably as `Received`. A quarter of the places,
   * and at least one, is kept for critical alerts, because a verification may occupy a place for minutes. A single
   * place serves all alerts. What a person has answered goes before other alerts of its severity and may take half of
   * what is kept, so that approvals never keep a critical alert waiting. Default 256.
   */
  readonly concurrency?: number
  /** The interval at which the store is queried for open work that has no actor. Default 10 seconds. */
  readonly sweepInterval?: Duration.Input
  /** How long an approval is good for. Default: `ReviewTimes.defaults`. */
  readonly approvalLifetime?: ReviewTimes["approvalLifetime"]
  /** How long the sweep skips a target after its actor was fenced. Default 30 seconds. */
  readonly fencedRest?: Duration.Input
}

/**
 * Starts the work on targets. Intake and reviews use `fire`. Call it after you write to the journal of a remediation.
 */
export class RemediationActors extends Context.Service<
  RemediationActors,
  {
    /**
     * Wakes or starts the actor of a target. Call it after a write to the journal. It does not wait for the work. The
     * most severe alerts get the next places; `Urgency` has the order. Default severity: warning. What a person has
     * `answered` or asked for is due at once.
     */
    readonly fire: (target: TargetKey, severity?: Severity, answered?: "answered") => Effect.Effect<void>
    /** Fires every target with open work, immediately and at every interval. Run it as a supervised child. */
    readonly sweep: Effect.Effect<never>
    /** The number of actors, both working and waiting for their turn. */
    readonly active: Effect.Effect<number>
  }
>()("kubernaut/remediation/RemediationActors") {}

interface Mailbox {
  readonly target: TargetKey
  /** The most severe alert for which the target was fired since its last activation began. */
  severity: Severity
  /** Whether a person has answered since then. */
  answered: boolean
  /** Its place in the queue of those that wait for their turn. */
  place: Entry<Mailbox> | undefined
  /** When the calls of its activation are due. It is raised for what joins meanwhile. */
  due: Due.Raisable | undefined
  /** Whether the target was fired since the actor last read the store. */
  fired: boolean
  readonly wake: Latch.Latch
}

const firstFired = (target: TargetKey, by: Pick<Mailbox, "severity" | "answered">): Mailbox => ({
  target,
  ...by,
  place: undefined,
  due: undefined,
  fired: true,
  wake: Latch.makeUnsafe(false)
})

/** The targets whose actor was fenced recently. Another process works on them. */
const makeResting = (durationMs: number) => {
  const untilMs = new Map<TargetKey, number>()
  return {
    add: (target: TargetKey, nowMs: number): void => void untilMs.set(target, nowMs + durationMs),
    /** The targets that still rest. Drops the others. */
    at: (nowMs: number): ReadonlyMap<TargetKey, number> => {
      for (const [target, until] of untilMs) if (until <= nowMs) untilMs.delete(target)
      return untilMs
    }
  }
}

/** What shares a queue. */
const ranks = ["critical", "answered", "other"] as const
type Rank = (typeof ranks)[number]

const rankOf = ({ answered, severity }: Pick<Mailbox, "severity" | "answered">): Rank =>
  severity === "critical" ? "critical" : answered ? "answered" : "other"

/** A person waits for what they have answered, so it is due at once. */
const dueOf = ({ answered, severity }: Pick<Mailbox, "severity" | "answered">, nowMs: number): number =>
  dueMs(answered ? "critical" : severity, nowMs)

/** How many places may be taken by what is not critical before an actor of a rank has to wait. */
const mostOf = (concurrency: number): Readonly<Record<Rank, number>> => {
  const kept = Math.max(1, Math.floor(concurrency / 4))
  const other = Math.max(1, concurrency - kept)
  return { critical: Number.POSITIVE_INFINITY, answered: other + Math.floor(kept / 2), other }
}

/**
 * The actors that wait for their turn, by due time. They share `concurrency` fibers. A waiting actor is an entry in a
 * queue and needs no fiber, so a storm is cheap.
 */
const makeReadyList = (concurrency: number) => {
  const queues = {
    critical: new DueQueue<Mailbox>(),
    answered: new DueQueue<Mailbox>(),
    other: new DueQueue<Mailbox>()
  }
  const most = mostOf(concurrency)
  let working = 0
  let workingOnOthers = 0
  /** The queue of which the first actor is due first; of the same moment, the first of the ranks. */
  const next = (): DueQueue<Mailbox> => {
    const open = ranks.filter((rank) => workingOnOthers < most[rank] && queues[rank].first !== undefined)
    return open
      .map((rank) => queues[rank])
      .reduce(
        (first, queue) => (queue.first!.dueMs < first.first!.dueMs ? queue : first),
        queues[open[0] ?? "critical"]
      )
  }
  return {
    add: (mailbox: Mailbox, nowMs: number): void => {
      mailbox.place = queues[rankOf(mailbox)].add(mailbox, dueOf(mailbox, nowMs))
    },
    /**
     * Moves a waiting actor, or the waiting calls of one that works, forward when a more severe alert or the answer of
     * a person has arrived.
     */
    raise: (mailbox: Mailbox, fired: Pick<Mailbox, "severity" | "answered">, nowMs: number): void => {
      const due = dueOf(fired, nowMs)
      mailbox.due?.raise(due)
      const severity = mostSevere(fired.severity, mailbox.severity)
      const answered = mailbox.answered || fired.answered
      if (severity === mailbox.severity && answered === mailbox.answered) return
      const { place } = mailbox
      if (place !== undefined) queues[rankOf(mailbox)].remove(place)
      mailbox.severity = severity
      mailbox.answered = answered
      if (place === undefined) return
      mailbox.place = queues[rankOf(mailbox)].add(mailbox, Math.min(place.dueMs, due))
    },
    /** Whether another fiber may start. */
    claimFiber: (): boolean => {
      if (working === concurrency || next().first === undefined) return false
      working++
      return true
    },
    /**
     * The next actor. Returns `undefined` and releases the fiber when none may start. Both are one synchronous step, so
     * every actor has a fiber that will take it.
     */
    take: (): Mailbox | undefined => {
      const queue = next()
      const mailbox = queue.take()
      if (mailbox === undefined) working--
      else {
        mailbox.place = undefined
        if (queue !== queues.critical) workingOnOthers++
      }
      return mailbox
    },
    /** An actor that was taken from the queue of `rank` has had its turn. */
    done: (rank: Rank): void => {
      if (rank !== "critical") workingOnOthers--
    }
  }
}

/** Runs an activation with a due time that is raised for what the target is fired for meanwhile. */
const withDue = <A>(mailbox: Mailbox, activation: Effect.Effect<A>): Effect.Effect<A> =>
  Effect.suspend(() => {
    const due = new Due.Raisable()
    mailbox.due = due
    return Effect.ensuring(
      Due.at(due)(activation),
      Effect.sync(() => (mailbox.due = undefined))
    )
  })

/** Whether this process can reach the target's cluster. Another service on this database works on the other targets. */
const isOwn = (target: TargetKey, { cluster }: LocalOptions): boolean =>
  cluster === undefined || clusterOf(target) === cluster

const makeLocal = Effect.fnUntraced(function* (options: LocalOptions) {
  const store = yield* RemediationStore
  const activate = yield* RemediationActor.make(options)
  const { concurrency = defaultConcurrency, fencedRest = "30 seconds" } = options
  const mailboxes = new Map<TargetKey, Mailbox>()
  const resting = makeResting(Duration.toMillis(fencedRest))
  const ready = makeReadyList(concurrency)
  const start = yield* FiberSet.makeRuntime<never, void>()

  const fire: RemediationActors["Service"]["fire"] = (target, severity = "warning", word) =>
    Effect.map(Monotonic.nowMs, (nowMs) => {
      if (!isOwn(target, options)) return
      const known = mailboxes.get(target)
      const fired = { severity, answered: word === "answered" }
      if (known !== undefined) {
        known.fired = true
        ready.raise(known, fired, nowMs)
        Latch.openUnsafe(known.wake)
      } else {
        mailboxes.set(target, firstFired(target, fired))
        ready.add(mailboxes.get(target)!, nowMs)
      }
      if (ready.claimFiber()) start(work)
    })

  const work = Effect.gen(function* () {
    for (let mailbox = ready.take(); mailbox !== undefined; mailbox = ready.take()) {
      const rank = rankOf(mailbox)
      yield* turn(mailbox)
      const nowMs = yield* Monotonic.nowMs
      ready.done(rank)
      // The check and the removal are one synchronous step. A concurrent message either sets `fired` or finds no
      // mailbox.
      if (mailbox.fired) ready.add(mailbox, nowMs)
      else mailboxes.delete(mailbox.target)
    }
  })

  const turn = Effect.fnUntraced(function* (mailbox: Mailbox) {
    const { severity, target, wake } = mailbox
    mailbox.fired = false
    // The next turn is as urgent as what the target is fired for from now on.
    mailbox.severity = "none"
    mailbox.answered = false
    Latch.closeUnsafe(wake)
    const activation = yield* withDue(mailbox, activate(target, wake, severity))
    // What was fired for the target meanwhile may have joined the remediation before it moved.
    if (activation._tag === "Moved") yield* fire(activation.target, mostSevere(activation.severity, mailbox.severity))
    if (activation._tag === "Fenced" || activation._tag === "Failed") {
      // The sweep resumes the target. Work that was fired meanwhile is in the store.
      if (activation._tag === "Fenced") resting.add(target, yield* Monotonic.nowMs)
      mailbox.fired = false
    }
  })

  const timeOut = yield* ReviewTimeouts.make(options, fire)
  const sweepOnce = Effect.gen(function* () {
    yield* timeOut
    const skipped = resting.at(yield* Monotonic.nowMs)
    for (const { answered, severity, target } of yield* store.openWork) {
      if (!skipped.has(target) && !mailboxes.has(target)) yield* fire(target, severity, answered && "answered")
    }
  }).pipe(Effect.catch((error) => Effect.logError("The sweep for open work failed", { reason: error.message })))

  return RemediationActors.of({
    fire,
    sweep: Effect.andThen(sweepOnce, Effect.sleep(options.sweepInterval ?? "10 seconds")).pipe(Effect.forever),
    active: Effect.sync(() => mailboxes.size)
  })
})

/**
 * Runs the actors of all targets in this process. Closing the scope interrupts every actor. The next process continues
 * each remediation from its journal.
 */
export const layerLocal = (options: LocalOptions) => Layer.effect(RemediationActors, makeLocal(options))
