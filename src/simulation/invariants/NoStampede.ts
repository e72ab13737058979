/**
 * A model that comes back is not overrun: in the minute after its circuit has closed, it gets no more investigations
 * than its share, which grows by a twelfth every 5 seconds from a tenth on.
 *
 * The journal says which investigations were meant for the model: those that asked it, and those that went to the next
 * tier because it recovers. Those that found nothing elsewhere and came back to it do not count. What is in flight at
 * once is the business of `BulkheadRespected`, and what is done about the backlog that of `BlastRadiusKept`.
 */

import type { Hop } from "../../domain/Investigation.ts"
import { hopTimes } from "../observation/HopTimes.ts"
import type { Invariant } from "./Invariant.ts"

const windowMs = 60_000
const stepMs = 5_000
const leastShare = 0.1
/** Investigations that were under way when the circuit closed, and the first one. */
const slack = 3

const peerOf = ({ investigator, provider }: Hop): string =>
  provider === undefined ? investigator : `${investigator}:${provider}`

/** The share at most, so long after the circuit has closed. */
const shareAt = (sinceMs: number): number => Math.min(1, Math.max(leastShare, (sinceMs + stepMs) / windowMs))

interface Episode {
  readonly closedMs: number
  /** When it opened again, or the process ended. */
  endedMs: number
  meant: number
  asked: number
  share: number
}

export const noStampede: Invariant = {
  name: "no-stampede",
  description: "In the minute after a model has come back, it gets no more investigations than its growing share.",
  make: (_, report) => {
    const episodes = new Map<string, Episode>()
    const close = (peer: string): void => {
      const episode = episodes.get(peer)
      episodes.delete(peer)
      if (episode !== undefined && episode.asked > episode.share + slack)
        report(
          `${peer} came back, and within a minute got ${episode.asked} of ${episode.meant} investigations, of which ${Math.floor(episode.share)} were its share`
        )
    }
    const end = (peer: string, atMs: number): void => {
      const episode = episodes.get(peer)
      if (episode !== undefined) episode.endedMs = Math.min(episode.endedMs, atMs)
    }
    /** One investigation that has ended at `atMs`. */
    const take = (hops: ReadonlyArray<Hop>, atMs: number): void => {
      const seen = new Set<string>()
      for (const { fromMs: startedMs, hop } of hopTimes(hops, atMs)) {
        const peer = peerOf(hop)
        const episode = episodes.get(peer)
        const isFirst = !seen.has(peer)
        seen.add(peer)
        const isMeant = hop.outcome !== "skipped" || hop.reason === "recovering"
        if (
          episode !== undefined
          && isFirst
          && isMeant
          && startedMs >= episode.closedMs
          && startedMs < episode.endedMs
        ) {
          episode.meant++
          episode.share += shareAt(startedMs - episode.closedMs)
          if (hop.outcome !== "skipped") episode.asked++
        }
      }
    }
    return {
      on: {
        BreakerMoved: ({ breaker, cause, from, to }, atMs) => {
          if (from === "HalfOpen" && to === "Closed" && cause === "probes-succeeded") {
            close(breaker)
            const begun = { closedMs: atMs, endedMs: atMs + windowMs, meant: 0, asked: 0, share: 0 }
            episodes.set(breaker, begun)
          } else if (from === "Closed" || to === "ForcedClosed") end(breaker, atMs)
        },
        ProcessEnded: (_ended, atMs) => {
          for (const peer of episodes.keys()) end(peer, atMs)
        },
        Committed: ({ events }, atMs) => {
          if (episodes.size === 0) return
          for (const { event, kind } of events)
            if (kind === "Investigated" && event._tag === "Investigated") take(event.hops, atMs)
        }
      },
      atEnd: () => {
        for (const peer of episodes.keys()) close(peer)
      }
    }
  }
}
