/**
 * Attempts without a span of their own: an ordinary read that succeeds at once is only counted.
 *
 * **Details**
 *
 * A verification reads its target for minutes. A span for each read would hide the few that a reader of the trace looks
 * for. So within `fold` an attempt has a span only if it tells something: it failed, it is a repetition, or it took a
 * second or longer. The span then has the times of the attempt, and names the request.
 *
 * The span around it counts, in its attributes:
 *
 * - `kubernaut.reads.folded`: the attempts without a span
 * - `kubernaut.reads.failed`: the attempts that failed, with a span or without
 *
 * A span has at most 10 such children, because work that waits for a peer reads again and again. Later ones are only
 * counted.
 *
 * Spans that the call itself would make, such as those of an HTTP client, are left out, and the peer is sent no trace
 * context: its own spans would have a parent that does not exist.
 */

import { Clock, Context, Effect, Exit, type Fiber, Option, References, Tracer } from "effect"
import * as Monotonic from "../Monotonic.ts"

/** The name of the read that a fiber makes; `undefined`: every attempt has a span. */
export const CurrentRead = Context.Reference<string | undefined>(
  "kubernaut/resilience/pipeline/FoldedAttempts/CurrentRead",
  { defaultValue: () => undefined }
)

/** Folds the attempts of a call through a pipeline. `read` names it in spans, such as `get Deployment shop/checkout`. */
export const fold =
  (read: string) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.provideService(self, CurrentRead, read)

/** The most spans of attempts within one span. */
export const mostShown = 10

/** From this time on, a read tells where the time of its step went. The API server takes milliseconds. */
export const slowMs = 1000

/** Without spans, and without a trace context for the peer. */
const untraced = Context.make(Tracer.DisablePropagation, true).pipe(Context.add(References.TracerEnabled, false))

/** How many attempts each span shows. */
const shownIn = new WeakMap<Tracer.Span, number>()

const count = (span: Tracer.Span, attribute: string): void => {
  const counted = span.attributes.get(attribute)
  span.attribute(attribute, (typeof counted === "number" ? counted : 0) + 1)
}

/** Runs an attempt, and adds its span to `parent` afterwards, or counts it there. Internal to `AttemptSpan`. */
export const inFoldedSpan = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  fiber: Fiber.Fiber<unknown, unknown>,
  parent: Tracer.Span,
  attributesOf: (exit: Exit.Exit<A, E>) => Readonly<Record<string, unknown>>,
  isRepetition: boolean
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const clock = fiber.getRef(Clock.Clock)
    const startedMs = Monotonic.nowMsUnsafe(clock)
    const startTime = clock.currentTimeNanosUnsafe()
    const tracer = fiber.getRef(Tracer.Tracer)
    const ended = (exit: Exit.Exit<A, E>): void => {
      const isFailure = Exit.isFailure(exit)
      if (isFailure) count(parent, "kubernaut.reads.failed")
      const shown = shownIn.get(parent) ?? 0
      const tells = isFailure || isRepetition || Monotonic.nowMsUnsafe(clock) - startedMs >= slowMs
      if (!tells || shown >= mostShown) return count(parent, "kubernaut.reads.folded")
      shownIn.set(parent, shown + 1)
      const span = tracer.span({
        name: "attempt",
        parent: Option.some(parent),
        annotations: Context.empty(),
        links: [],
        startTime,
        kind: "internal",
        root: false,
        sampled: parent.sampled
      })
      for (const [name, value] of Object.entries(attributesOf(exit))) span.attribute(name, value)
      span.end(clock.currentTimeNanosUnsafe(), exit)
    }
    return Effect.provideContext(self, untraced).pipe(Effect.onExit((exit) => Effect.sync(() => ended(exit))))
  })
