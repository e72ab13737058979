/**
 * One actor per target works that target's remediations one at a time, so two actions never race on one Deployment.
 *
 * The port has two layers over one core (`RemediationActor`): `layerLocal`, all actors in this process, and later one on
 * `effect/cluster` for several machines. Messages are volatile, the tables are durable: `fire` only says "look at this target", and what is
 * to be done there is always read from the store. A lost message costs time until the next sweep, never an alert.
 */
import { Clock, Context, Duration, Effect, FiberMap, Latch, Layer, Semaphore } from "effect"
import type { TargetKey } from "../domain/Target.ts"
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

export class RemediationActors extends Context.Service<RemediationActors, {
  /** Something was journaled about this target: its actor wakes up, or begins. Never waits for the work. */
  readonly fire: (target: TargetKey) => Effect.Effect<void>
  /** Fires every target that the store has open work for, now and at every interval. Runs for ever, under the supervisor. */
  readonly sweep: Effect.Effect<never>
  /** Actors that exist now, at work or waiting for their turn. */
  readonly active: Effect.Effect<number>
}>()("kubernaut/remediation/RemediationActors") {
  /** All targets in this process. Closing the scope interrupts every actor; the journal says where each goes on. */
  static readonly layerLocal = (options: LocalOptions) => Layer.effect(RemediationActors, makeLocal(options))
}

interface Mailbox {
  /** Fired since the actor last looked at the store. */
  fired: boolean
  readonly wake: Latch.Latch
}

const makeLocal = Effect.fnUntraced(function*(options: LocalOptions) {
  const store = yield* RemediationStore
  const activate = yield* RemediationActor.make(options)
  const permits = yield* Semaphore.make(options.concurrency ?? 256)
  const fibers = yield* FiberMap.make<TargetKey>()
  const mailboxes = new Map<TargetKey, Mailbox>()
  const restingUntilMs = new Map<TargetKey, number>()
  const rest = Duration.toMillis(options.fencedRest ?? "30 seconds")

  const fire = (target: TargetKey): Effect.Effect<void> =>
    Effect.suspend(() => {
      const known = mailboxes.get(target)
      if (known !== undefined) {
        known.fired = true
        Latch.openUnsafe(known.wake)
        return Effect.void
      }
      const mailbox: Mailbox = { fired: true, wake: Latch.makeUnsafe(false) }
      mailboxes.set(target, mailbox)
      return Effect.asVoid(FiberMap.run(fibers, target, actor(target, mailbox)))
    })

  // A message that comes while the actor ends is either seen by `fired` or finds no mailbox: the check and the removal are one step.
  const ended = (target: TargetKey, mailbox: Mailbox): boolean => {
    if (mailbox.fired) return false
    mailboxes.delete(target)
    return true
  }

  const turn = (target: TargetKey, mailbox: Mailbox) =>
    Effect.suspend(() => {
      mailbox.fired = false
      Latch.closeUnsafe(mailbox.wake)
      return activate(target, mailbox.wake)
    }).pipe(permits.withPermit)

  const actor = Effect.fnUntraced(function*(target: TargetKey, mailbox: Mailbox) {
    do {
      const activation = yield* turn(target, mailbox)
      if (activation._tag === "Moved") yield* fire(activation.target)
      if (activation._tag === "Fenced" || activation._tag === "Failed") {
        // The sweep brings it back; what was fired meanwhile is in the store.
        if (activation._tag === "Fenced") restingUntilMs.set(target, (yield* Clock.currentTimeMillis) + rest)
        mailbox.fired = false
      }
    } while (!ended(target, mailbox))
  })

  const sweepOnce = Effect.gen(function*() {
    const nowMs = yield* Clock.currentTimeMillis
    for (const [target, untilMs] of restingUntilMs) if (untilMs <= nowMs) restingUntilMs.delete(target)
    for (const target of yield* store.openTargets) {
      if (!restingUntilMs.has(target) && !mailboxes.has(target)) yield* fire(target)
    }
  }).pipe(
    Effect.catch((error) => Effect.logError("The sweep for open work failed", { reason: error.message }))
  )

  return RemediationActors.of({
    fire,
    sweep: Effect.andThen(sweepOnce, Effect.sleep(options.sweepInterval ?? "10 seconds")).pipe(Effect.forever),
    active: Effect.sync(() => mailboxes.size)
  })
})
