/**
 * A typed event hub within the process: one publisher side, any number of listeners.
 *
 * **When to use**
 *
 * `listen` sees every event, synchronously, and suits counters. `subscribe` and `stream` hand events to a fiber of its
 * own and drop the oldest when that fiber falls behind, so they suit logs and server-sent events but not accounting.
 *
 * **Gotchas**
 *
 * Publishing never blocks and never fails the publisher: a listener that throws is skipped and counted in
 * `listenerFailures`. When nobody listens `active` is false, and a publisher on a hot path need not even make the
 * event.
 */

import { Effect, Queue, type Scope, Stream } from "effect"

export interface EventHub<in out A> {
  /** Whether anybody listens. */
  readonly active: boolean
  /** How many listeners have thrown since the hub was made. */
  readonly listenerFailures: number
  readonly publish: (event: A) => void
  /** Calls `listener` with every event until the scope closes. It must be quick and must not throw. */
  readonly listen: (listener: (event: A) => void) => Effect.Effect<void, never, Scope.Scope>
  /** A queue of its own per subscriber, holding the newest `capacity` events. */
  readonly subscribe: (options?: { readonly capacity?: number }) => Effect.Effect<Queue.Dequeue<A>, never, Scope.Scope>
  /** Events from the moment the stream is run; the newest 4,096 are kept for a slow consumer. */
  readonly stream: Stream.Stream<A>
}

// 4,096 events are some seconds of a full-blown storm and about a megabyte.
const defaultCapacity = 4096

class Hub<in out A> implements EventHub<A> {
  listenerFailures = 0
  readonly #listeners = new Set<(event: A) => void>()

  get active(): boolean {
    return this.#listeners.size > 0
  }

  readonly publish = (event: A): void => {
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch {
        this.listenerFailures++
      }
    }
  }

  readonly listen = (listener: (event: A) => void): Effect.Effect<void, never, Scope.Scope> =>
    Effect.acquireRelease(
      Effect.sync(() => {
        // A function of its own, so that one listener can be registered twice.
        const entry = (event: A) => listener(event)
        this.#listeners.add(entry)
        return entry
      }),
      (entry) => Effect.sync(() => this.#listeners.delete(entry))
    )

  readonly subscribe = (options?: {
    readonly capacity?: number
  }): Effect.Effect<Queue.Dequeue<A>, never, Scope.Scope> =>
    Effect.acquireRelease(Queue.sliding<A>(options?.capacity ?? defaultCapacity), Queue.shutdown).pipe(
      Effect.tap((queue) => this.listen((event) => Queue.offerUnsafe(queue, event)))
    )

  readonly stream: Stream.Stream<A> = Stream.unwrap(
    Effect.map(
      Effect.suspend(() => this.subscribe()),
      Stream.fromQueue
    )
  )
}

export const make = <A>(): EventHub<A> => new Hub<A>()
