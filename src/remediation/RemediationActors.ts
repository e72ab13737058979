/**
 * One actor per target works that target's remediations one at a time, so two actions never race on one Deployment.
 *
 * The port has two layers over one core (`RemediationActor`): `layerLocal`, all actors in this process, and later one
 * on `effect/cluster` for several machines. Messages are volatile, the tables are durable: `fire` only says "look at
 * this target", and what is to be done there is always read from the store. A lost message costs time until the next
 * sweep, never an alert.
 */

import { Context, Duration, Effect, FiberSet, Latch, Layer, MutableList } from "effect"
import type { TargetKey } from "../domain/Target.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { RemediationStore } from "../storage/RemediationStore.ts"
import type { RemediationOptions } from "./Remediation.ts"
import * as RemediationActor from "./RemediationActor.ts"

export interface LocalOptions extends RemediationOptions {
  /** Targets worked on at the same time; further ones wait, durably, as `Received`. Default 256. */
  readonly concurrency?: number
  /** How often the store is asked for work that nobody does. Default 10 s. */
  readonly sweepInterval?: Duration.Input
  /** How long an actor that found itself fenced leaves its target alone. Default 30 s. */
  readonly fencedRest?: Duration.Input
}

export class RemediationActors extends Context.Service<
  RemediationActors,
  {
    /** Something was journaled about this target: its actor wakes up, or begins. Never waits for the work. */
    readonly fire: (target: TargetKey) => Effect.Effect<void>
    /**
     * Fires every target that the store has open work for, now and at every interval. Runs for ever, under the
     * supervisor.
     */
    readonly sweep: Effect.Effect<never>
    /** Actors that exist now, at work or waiting for their turn. */
    readonly active: Effect.Effect<number>
  }
>()("kubernaut/remediation/RemediationActors") {}

interface Mailbox {
  readonly target: TargetKey
  /** Fired since the actor last looked at the store. */
  fired: boolean
  readonly wake: Latch.Latch
}

const makeLocal = Effect.fnUntraced(function* (options: LocalOptions) {
  const store = yield* RemediationStore
  const activate = yield* RemediationActor.make(options)
  const { concurrency = 256, fencedRest = "30 seconds" } = options
  const rest = Duration.toMillis(fencedRest)
  const mailboxes = new Map<TargetKey, Mailbox>()
  const restingUntilMs = new Map<TargetKey, number>()

  // Actors take turns on a few fibers. One that waits for its turn is a place in this list and no fiber: a storm costs
  // little more than its names.
  const ready = MutableList.make<Mailbox>()
  const start = yield* FiberSet.makeRuntime<never, void>()
  let working = 0

  const fire = (target: TargetKey): Effect.Effect<void> =>
    Effect.sync(() => {
      const known = mailboxes.get(target)
      if (known !== undefined) {
        known.fired = true
        Latch.openUnsafe(known.wake)
        return
      }
      const mailbox: Mailbox = { target, fired: true, wake: Latch.makeUnsafe(false) }
      mailboxes.set(target, mailbox)
      MutableList.append(ready, mailbox)
      if (working === concurrency) return
      working++
      start(work)
    })

  // To find nothing and to stop working is one step, as is finding room in `fire`: no mailbox is left without a fiber
  // that comes for it.
  const nextReady = (): Mailbox | undefined => {
    const mailbox = MutableList.take(ready)
    if (mailbox !== MutableList.Empty) return mailbox
    working--
    return undefined
  }

  const work = Effect.gen(function* () {
    for (let mailbox = nextReady(); mailbox !== undefined; mailbox = nextReady()) {
      yield* turn(mailbox)
      // A message that comes while the actor ends is either seen by `fired` or finds no mailbox: the check and the
      // removal are one step.
      if (mailbox.fired) MutableList.append(ready, mailbox)
      else mailboxes.delete(mailbox.target)
    }
  })

  const turn = Effect.fnUntraced(function* (mailbox: Mailbox) {
    const { target, wake } = mailbox
    mailbox.fired = false
    Latch.closeUnsafe(wake)
    const activation = yield* activate(target, wake)
    if (activation._tag === "Moved") yield* fire(activation.target)
    if (activation._tag === "Fenced" || activation._tag === "Failed") {
      // The sweep brings it back; what was fired meanwhile is in the store.
      if (activation._tag === "Fenced") restingUntilMs.set(target, (yield* Monotonic.nowMs) + rest)
      mailbox.fired = false
    }
  })

  const sweepOnce = Effect.gen(function* () {
    const nowMs = yield* Monotonic.nowMs
    for (const [target, untilMs] of restingUntilMs) if (untilMs <= nowMs) restingUntilMs.delete(target)
    for (const target of yield* store.openTargets) {
      if (!restingUntilMs.has(target) && !mailboxes.has(target)) yield* fire(target)
    }
  }).pipe(Effect.catch((error) => Effect.logError("The sweep for open work failed", { reason: error.message })))

  return RemediationActors.of({
    fire,
    sweep: Effect.andThen(sweepOnce, Effect.sleep(options.sweepInterval ?? "10 seconds")).pipe(Effect.forever),
    active: Effect.sync(() => mailboxes.size)
  })
})

/**
 * All targets in this process. Closing the scope interrupts every actor; the next process continues each from its
 * journal.
 */
export const layerLocal = (options: LocalOptions) => Layer.effect(RemediationActors, makeLocal(options))
