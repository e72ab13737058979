/**
 * Publishes typed events to any number of listeners within the process.
 *
 * **When to use**
 *
 * `listen` receives every event synchronously and suits counters. `subscribe` and `stream` pass events to another fiber
 * and drop the oldest when that fiber falls behind, so they suit logs and server-sent events but not accounting.
 *
 * **Gotchas**
 *
 * Publishing never blocks and never fails: `listenerFailures` counts the listeners that threw. Without listeners
 * `active` is false, and a publisher on a hot path can skip making the event.
 *
 * **Example** (a listener receives events while its scope is open)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { EventHub } from "kubernaut/resilience"
 *
 * const hub = EventHub.make<string>()
 * const seen: Array<string> = []
 *
 * const program = Effect.gen(function* () {
 *   yield* hub.listen((event) => void seen.push(event))
 *   hub.publish("opened")
 * })
 *
 * Effect.runSync(Effect.scoped(program))
 * hub.publish("closed")
 * seen // => ["opened"]
 * ```
 */

import { Effect, Queue, type Scope, Stream } from "effect"

/** An event hub. Create it with `make`. */
export interface EventHub<in out A> {
  /** Whether there are listeners. */
  readonly active: boolean
  /** How many calls of listeners have thrown. */
  readonly listenerFailures: number
  /** Passes an event to all listeners that there are when it begins. One that ends meanwhile gets nothing more. */
  readonly publish: (event: A) => void
  /** Calls `listener` with every event until the scope closes. The listener must be fast and must not throw. */
  readonly listen: (listener: (event: A) => void) => Effect.Effect<void, never, Scope.Scope>
  /** A separate queue for each subscriber, with the newest `capacity` events. Default 4,096. */
  readonly subscribe: (options?: { readonly capacity?: number }) => Effect.Effect<Queue.Dequeue<A>, never, Scope.Scope>
  /** Events from the moment the stream runs. A slow consumer gets the newest 4,096. */
  readonly stream: Stream.Stream<A>
}

// 4,096 events are a few seconds of a storm and take about one megabyte.
const defaultCapacity = 4096

/** One registration. The same function can be registered twice. */
interface Listener<A> {
  readonly call: (event: A) => void
  hasEnded: boolean
}

class Hub<in out A> implements EventHub<A> {
  listenerFailures = 0
  /** Replaced and never changed, because a listener may add and end listeners. */
  #listeners: ReadonlyArray<Listener<A>> = []

  get active(): boolean {
    return this.#listeners.length > 0
  }

  readonly publish = (event: A): void => {
    for (const listener of this.#listeners) {
      if (listener.hasEnded) continue
      try {
        listener.call(event)
      } catch {
        this.listenerFailures++
      }
    }
  }

  readonly listen = (listener: (event: A) => void): Effect.Effect<void, never, Scope.Scope> =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const entry: Listener<A> = { call: listener, hasEnded: false }
        this.#listeners = [...this.#listeners, entry]
        return entry
      }),
      (entry) =>
        Effect.sync(() => {
          entry.hasEnded = true
          this.#listeners = this.#listeners.filter((each) => each !== entry)
        })
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

/** Makes a hub without listeners. */
export const make = <A>(): EventHub<A> => new Hub<A>()
