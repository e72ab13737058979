/**
 * One actor per target processes the remediations of that target one at a time, so two actions never race on one
 * Deployment.
 *
 * `layerLocal` runs all actors in this process. A layer on `effect/cluster` for several machines is planned.
 *
 * Messages are volatile and tables are durable. `fire` only wakes the actor of a target, which reads its work from the
 * store. A lost message therefore delays an alert until the next sweep, but never loses it.
 */

import { Context, Duration, Effect, Exit, FiberSet, Latch, Layer } from "effect"
import { mostSevere, type Severity } from "../domain/Alert.ts"
import { clusterOf, type TargetKey } from "../domain/Target.ts"
import { dueMs } from "../domain/Urgency.ts"
import * as Due from "../resilience/Due.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { RemediationStore } from "../storage/RemediationStore.ts"
import * as Aside from "./Aside.ts"
import type { RemediationOptions } from "./Remediation.ts"
import * as RemediationActor from "./RemediationActor.ts"
import * as ReviewTimeouts from "./ReviewTimeouts.ts"
import type { ReviewTimes } from "./ReviewTimes.ts"
import { type Place, placeFor, type Urgency, Workplaces } from "./Workplaces.ts"

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
   * what is kept, so that approvals never keep a critical alert waiting.
   *
   * An action that waits for its turn leaves its place to another target. While as many of them wait as there are
   * places, no further alert is processed: a critical one only if all that wait are critical, and what a person has
   * answered in any case. Default 256.
   */
  readonly concurrency?: number
  /** The interval at which the store is queried for open work that has no actor. Default 10 seconds. */
  readonly sweepInterval?: Duration.Input
  /** How long an approval is good for. Default: `ReviewTimes.defaults`. */
  readonly approvalLifetime?: ReviewTimes["approvalLifetime"]
  /** How long the sweep skips a target after its actor was fenced or a defect occurred. Default 30 seconds. */
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
    /**
     * Waits for a place like an actor of an alert of this severity, before others that are not critical, and returns
     * when it has had one, which it gives back at once. It shows that such alerts are taken up: critical ones may be
     * while others are not.
     */
    readonly turn: (severity: Severity) => Effect.Effect<void>
    /** The number of actors: working, waiting for a place, and aside. */
    readonly active: Effect.Effect<number>
  }
>()("kubernaut/remediation/RemediationActors") {}

/** For what a target is fired. */
interface Fired {
  readonly severity: Severity
  /** Whether a person has answered. */
  readonly answered: boolean
}

interface Mailbox {
  readonly target: TargetKey
  /** For what the target was fired since its last activation began: the most severe alert, and any answer. */
  since: Fired
  /** The place of its actor, or of the next one while the mailbox waits. */
  place: Place
  /** When the calls of its activation are due. It is raised for what joins meanwhile. */
  due: Due.Raisable | undefined
  /** Whether the target was fired since the actor last read the store. */
  fired: boolean
  readonly wake: Latch.Latch
}

/** The targets whose actor was fenced recently, because another process works on them, or met a defect. */
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

/** A person waits for what they have answered, so it is due at once. */
const urgencyOf = ({ answered, severity }: Fired, nowMs: number): Urgency => ({
  isCritical: severity === "critical",
  isAnswer: answered,
  dueMs: dueMs(answered ? "critical" : severity, nowMs)
})

const nothing: Fired = { severity: "none", answered: false }

const firstFired = (target: TargetKey, since: Fired, nowMs: number): Mailbox => ({
  target,
  since,
  place: placeFor(urgencyOf(since, nowMs)),
  due: undefined,
  fired: true,
  wake: Latch.makeUnsafe(false)
})

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

/**
 * Takes a place as for an alert of a severity, and gives it back at once. What is not critical may wait for minutes in
 * a storm, so this goes before it: it shows that one may begin, and nobody waits for it.
 */
const turnIn = (places: Workplaces, severity: Severity): Effect.Effect<void> =>
  Effect.flatMap(Monotonic.nowMs, (nowMs) => {
    const isCritical = severity === "critical"
    const place = placeFor({ isCritical, isAnswer: false, dueMs: isCritical ? nowMs : Number.NEGATIVE_INFINITY })
    return Effect.ensuring(
      Effect.callback<void>((resume) => places.enter(place, () => resume(Effect.void))),
      Effect.sync(() => places.end(place))
    )
  })

/** Whether this process can reach the target's cluster. Another service on this database works on the other targets. */
const isOwn = (target: TargetKey, { cluster }: LocalOptions): boolean =>
  cluster === undefined || clusterOf(target) === cluster

/** Moves a waiting actor, or the waiting calls of one that works, forward for what it is fired for. */
const raise = (places: Workplaces, mailbox: Mailbox, fired: Fired, nowMs: number): void => {
  const { answered, severity } = mailbox.since
  mailbox.since = { severity: mostSevere(fired.severity, severity), answered: answered || fired.answered }
  const urgency = urgencyOf(fired, nowMs)
  mailbox.due?.raise(urgency.dueMs)
  places.raise(mailbox.place, urgency)
}

type Fire = RemediationActors["Service"]["fire"]

interface Parts {
  readonly activate: RemediationActor.Activate
  readonly places: Workplaces
  readonly resting: ReturnType<typeof makeResting>
  readonly fire: Fire
}

/** One activation of the actor of a mailbox, in its place. */
const makeWork = ({ activate, fire, places, resting }: Parts) =>
  Effect.fnUntraced(function* (mailbox: Mailbox, place: Place) {
    const { target, wake } = mailbox
    const { severity } = mailbox.since
    mailbox.fired = false
    // The next activation is as urgent as what the target is fired for from now on.
    mailbox.since = nothing
    Latch.closeUnsafe(wake)
    const activation = yield* activate(target, wake, severity).pipe(
      Effect.provideService(Aside.CurrentAside, Aside.of(places, place)),
      (activation) => withDue(mailbox, activation)
    )
    // What was fired for the target meanwhile may have joined the remediation before it moved.
    if (activation._tag === "Moved")
      yield* fire(activation.target, mostSevere(activation.severity, mailbox.since.severity))
    if (activation._tag === "Fenced" || activation._tag === "Failed" || activation._tag === "Broken") {
      // The sweep resumes the target. Work that was fired meanwhile is in the store.
      if (activation._tag !== "Failed") resting.add(target, yield* Monotonic.nowMs)
      mailbox.fired = false
    }
  })

const makeLocal = Effect.fnUntraced(function* (options: LocalOptions) {
  const store = yield* RemediationStore
  const activate = yield* RemediationActor.make(options)
  const mailboxes = new Map<TargetKey, Mailbox>()
  const resting = makeResting(Duration.toMillis(options.fencedRest ?? "30 seconds"))
  const places = new Workplaces(options.concurrency ?? defaultConcurrency)
  const start = yield* FiberSet.makeRuntime<never, void>()

  /** Waits for the mailbox's place, and begins when it is given. */
  const enter = (mailbox: Mailbox): void => {
    const { place } = mailbox
    places.enter(place, () => start(actor(mailbox, place)))
  }

  const fire: Fire = (target, severity = "warning", word) =>
    Effect.map(Monotonic.nowMs, (nowMs) => {
      if (!isOwn(target, options)) return
      const known = mailboxes.get(target)
      const fired = { severity, answered: word === "answered" }
      if (known === undefined) {
        const mailbox = firstFired(target, fired, nowMs)
        mailboxes.set(target, mailbox)
        enter(mailbox)
      } else {
        known.fired = true
        raise(places, known, fired, nowMs)
        Latch.openUnsafe(known.wake)
      }
    })

  const actor = (mailbox: Mailbox, place: Place): Effect.Effect<void> =>
    Effect.onExit(work(mailbox, place), (exit) =>
      Effect.map(Monotonic.nowMs, (nowMs) => {
        // The check and the removal are one synchronous step. A concurrent message either sets `fired` or finds no
        // mailbox.
        if (mailbox.fired && Exit.isSuccess(exit)) {
          mailbox.place = placeFor(urgencyOf(mailbox.since, nowMs))
          enter(mailbox)
        } else mailboxes.delete(mailbox.target)
        places.end(place)
      })
    )

  const work = makeWork({ activate, places, resting, fire })
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
    turn: (severity) => turnIn(places, severity),
    active: Effect.sync(() => mailboxes.size)
  })
})

/**
 * Runs the actors of all targets in this process. Closing the scope interrupts every actor. The next process continues
 * each remediation from its journal.
 */
export const layerLocal = (options: LocalOptions) => Layer.effect(RemediationActors, makeLocal(options))
