/**
 * Waits without keeping a place from others.
 *
 * `RemediationActors` works on a limited number of targets at a time. An actor that waits for minutes, and does nothing
 * meanwhile, gives its place to another one.
 */

import { Context, Effect, identity } from "effect"
import * as Monotonic from "../resilience/Monotonic.ts"
import type { Place, Workplaces } from "./Workplaces.ts"

/** How an effect is run without the place of its actor. Where there are no places, it is just run. */
export const CurrentAside = Context.Reference<<A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>>(
  "kubernaut/remediation/Aside/CurrentAside",
  { defaultValue: () => identity }
)

/**
 * Runs an effect without the place of its actor. The place is taken back before this returns or fails, so it may take
 * longer than the effect.
 *
 * **When to use**
 *
 * Around a wait for something that may take minutes. Interrupt it only together with its actor: an interrupted wait
 * takes no place back.
 */
export const aside = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.service(CurrentAside), (run) => run(self))

/** Gives back this place while an effect runs. Within it, nothing more is given back. */
export const of =
  (places: Workplaces, place: Place) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
    const comeBack = Effect.flatMap(Monotonic.nowMs, (nowMs) =>
      Effect.callback<void>((resume) => places.comeBack(place, nowMs, () => resume(Effect.void)))
    )
    return Effect.suspend(() =>
      places.leave(place) ? Effect.flatMap(Effect.exit(self), (exit) => Effect.andThen(comeBack, exit)) : self
    )
  }
