/**
 * The watches of the service, as faults disturb them: they end, they are refused, their connection dies, or their
 * bookmarks are lost. Each event that reaches the service is noted, as the truth of what it can have seen.
 *
 * An event is never skipped: what a dead connection has not delivered comes after the service has opened the watch
 * again.
 */

import { Cause, Effect, Queue, Stream } from "effect"
import { type KubernetesClient, KubernetesError, type WatchEvent } from "../../../kubernetes/KubernetesClient.ts"
import { ActiveFaults } from "./ActiveFaults.ts"

type Watch = KubernetesClient["Service"]["watch"]

/** How watches are disturbed. */
export interface WatchFault {
  readonly concerns: (kind: string) => boolean
  /** A watch that continues from a version is refused: the API server no longer has the events. */
  readonly expires?: boolean
  /** Every watch is refused. */
  readonly unavailable?: boolean
  /** Nothing more arrives on a connection. Nobody closes it. */
  readonly dies?: boolean
  /** Bookmarks are lost, but for the one that ends a list. */
  readonly losesBookmarks?: boolean
}

/** In which interval nobody can have seen what happened to objects of a kind. */
export interface Unseen {
  readonly kind: string
  /** `-Infinity`: nothing was ever seen before. */
  readonly fromMs: number
  readonly toMs: number
}

const refused = (kind: string, reason: "Expired" | "Timeout"): KubernetesError =>
  new KubernetesError({
    reason: { _tag: reason },
    operation: `watch ${kind}`,
    applied: "no",
    retryable: true
  })

interface Connection {
  readonly kind: string
  readonly end: Queue.Queue<never, KubernetesError>
}

export class WatchPath {
  private readonly faults = new ActiveFaults<WatchFault>()
  private readonly open = new Set<Connection>()
  private readonly now: () => number
  /** When the service last heard of a kind. */
  private readonly heardMs = new Map<string, number>()
  private readonly unseen: Array<Unseen> = []

  constructor(now: () => number) {
    this.now = now
  }

  /** Activates a fault until the returned function is called. Open watches that it refuses end. */
  disturb(fault: WatchFault): () => void {
    if (fault.expires === true || fault.unavailable === true)
      for (const { end, kind } of this.open)
        if (fault.concerns(kind))
          Queue.failCauseUnsafe(end, Cause.fail(refused(kind, fault.expires === true ? "Expired" : "Timeout")))
    return this.faults.add(fault)
  }

  private has(kind: string, how: Exclude<keyof WatchFault, "concerns">): boolean {
    for (const fault of this.faults) if (fault.concerns(kind) && fault[how] === true) return true
    return false
  }

  /** The intervals so far, those that have not ended included, of kinds that were ever asked for. */
  get unseenIntervals(): ReadonlyArray<Unseen> {
    return this.unseen
  }

  /** When the service last heard of a kind; `undefined`: it never did. */
  lastHeardMs(kind: string): number | undefined {
    return this.heardMs.get(kind)
  }

  watch(watch: Watch): Watch {
    return (kind, options) =>
      Stream.unwrap(
        Effect.sync(() => {
          const from = options.from
          if (this.has(kind, "unavailable")) return Stream.fail(refused(kind, "Timeout"))
          if (from !== undefined && this.has(kind, "expires")) return Stream.fail(refused(kind, "Expired"))
          return this.connected(kind, from !== undefined, watch(kind, options))
        })
      )
  }

  private connected(
    kind: string,
    continues: boolean,
    events: Stream.Stream<WatchEvent, KubernetesError>
  ): Stream.Stream<WatchEvent, KubernetesError> {
    let isListed = continues
    let isDead = false
    const arrives = ({ type }: WatchEvent): boolean => {
      isDead ||= this.has(kind, "dies")
      if (isDead) return false
      const isBookmark = type === "BOOKMARK"
      if (isBookmark && isListed && this.has(kind, "losesBookmarks")) return false
      if (isBookmark && !isListed) {
        isListed = true
        this.unseen.push({ kind, fromMs: this.heardMs.get(kind) ?? -Infinity, toMs: this.now() })
      }
      if (isListed) this.heardMs.set(kind, this.now())
      return true
    }
    const connection = Effect.acquireRelease(
      Effect.map(Queue.unbounded<never, KubernetesError>(), (end): Connection => {
        const made = { kind, end }
        this.open.add(made)
        return made
      }),
      (made) => Effect.sync(() => this.open.delete(made))
    )
    return Stream.unwrap(
      Effect.map(connection, ({ end }) =>
        Stream.merge(Stream.filter(events, arrives), Stream.fromQueue(end), { haltStrategy: "either" })
      )
    )
  }
}
