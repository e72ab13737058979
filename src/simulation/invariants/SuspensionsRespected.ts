/**
 * A broken account costs at most one call in each suspension: after a call has shown that it has no money left, or that
 * its key is rejected, no tier with that account is called for a minute, and then one call tries it.
 *
 * The service says when it suspends a tier, and the calls are counted at the wire. A trial that shows nothing, because
 * it was interrupted, refused or excused, is followed by another one. What a new process remembers is not checked here:
 * its suspension begins with one that it reports.
 */

import { sharesAccount } from "../farEnds/LanguageModels.ts"
import type { Call } from "../observation/Observation.ts"
import { Standstill } from "../observation/Standstill.ts"
import type { Invariant } from "./Invariant.ts"

/** The shortest suspension. */
const leastMs = 60_000

interface Suspended {
  /** `undefined`: it was restored after a restart, so its time is not known. */
  readonly sinceMs: number | undefined
  readonly trials: Set<object>
}

export const suspensionsRespected: Invariant = {
  name: "suspensions-respected",
  description: "An account without money, or with a rejected key, costs at most one call in each suspension.",
  make: (setting, report) => {
    const shared = sharesAccount(setting)
    const accountOf = (peer: string): string => (shared && peer.startsWith("llm:") ? "llm" : peer)
    const accounts = new Map<string, Suspended>()
    const standstill = new Standstill()
    let process = 0
    /** The accounts that this process has called. */
    const called = new Set<string>()
    const workOf = ({ hop }: Call): object | undefined => hop
    return {
      on: {
        ProcessBooted: ({ number, process: name }) => {
          if (name !== "service") return
          process = number
          accounts.clear()
          called.clear()
          standstill.booted()
        },
        ProcessPaused: ({ forMs, number }, atMs) => {
          if (number === process) standstill.paused(atMs, forMs)
        },
        BreakerMoved: ({ breaker, cause, from, to }, atMs) => {
          const account = accountOf(breaker)
          if (to !== "Suspended") {
            if (from === "Suspended") accounts.delete(account)
            return
          }
          if (!accounts.has(account) || cause === "trial-failed")
            accounts.set(account, { sinceMs: called.has(account) ? atMs : undefined, trials: new Set() })
        },
        CallBegan: ({ call }, atMs) => {
          const found = accounts.get(accountOf(call.peer))
          const work = workOf(call)
          if (call.process !== process || call.purpose !== "work" || work === undefined) return
          called.add(accountOf(call.peer))
          if (found === undefined) return
          if (found.trials.has(work)) return
          if (found.sinceMs !== undefined) {
            if (!standstill.isLate(found.sinceMs, atMs)) return
            if (atMs - found.sinceMs < leastMs)
              report(`${call.peer} is called ${atMs - found.sinceMs} ms after its account was suspended`)
          }
          found.trials.add(work)
          if (found.trials.size > 1) report(`${call.peer} is called again, although its account was tried already`)
        },
        CallEnded: ({ call, ending }, atMs) => {
          const work = workOf(call)
          // The service excuses a limit that was over while its process stood still.
          const mayBeExcused = ending === "bad" && standstill.since(atMs) !== atMs
          if (work !== undefined && (ending === "neither" || ending === "given-up" || mayBeExcused))
            accounts.get(accountOf(call.peer))?.trials.delete(work)
        }
      }
    }
  }
}
