/** Reads what the level depends on: breakers, the database's health, health checks, and the order of an operator. */

import { Effect, Option, type Scope } from "effect"
import type { InvestigatorName } from "../domain/Investigation.ts"
import type { StandingOrder } from "../domain/StandingOrder.ts"
import type { Facts } from "./Assessment.ts"
import type { Finding, FoundCause, HealthSupervisor } from "./HealthSupervisor.ts"
import type { PeerState, TierState } from "./LevelOf.ts"
import type { Probed } from "./Probes.ts"

/** A tier of the fallback chain, as health monitors it. `InvestigationChain.tiers` has this shape. */
export interface Watched extends Probed {
  readonly name: InvestigatorName
  /** Where it is restored gradually: the end of that is its recovery, and not the end of its outage. */
  readonly ramp?: Effect.Effect<{
    /** For how many milliseconds it has not been in full use. Absent while it is. */
    readonly sinceMs?: number
  }>
  /** Is told since when it was not in full use in the process before this one, by the monotonic clock of this one. */
  readonly resume?: (sinceMs: number) => Effect.Effect<void>
  /** Is told whether the level keeps calls from it although it is back. */
  readonly hold?: (isHeld: boolean) => Effect.Effect<void>
}

/** A part of the service that is down without a breaker saying so: the database. */
export interface LocalService {
  readonly service: string
  readonly isOut: Effect.Effect<boolean>
  /** Listens to what changes that. */
  readonly wakes: (wake: () => void) => Effect.Effect<void, never, Scope.Scope>
}

/** Where the facts are read from. */
export interface Sources {
  /** The tiers of the fallback chain, as in `InvestigationChain.tiers`. */
  readonly tiers: ReadonlyArray<Watched>
  /** Other peers to probe while their breaker is not closed. They only count towards an emergency. Default: none. */
  readonly others?: ReadonlyArray<Probed>
  /** Parts of the service without a breaker. They only count towards an emergency. Default: none. */
  readonly local?: ReadonlyArray<LocalService>
  /** The findings of the health checks. Default: none. */
  readonly health?: Pick<HealthSupervisor["Service"], "changes" | "emergencies" | "findings">
  /** The emergency that an operator has declared, if any; `undefined` if that could not be read. Default: none. */
  readonly declared?: Effect.Effect<Option.Option<StandingOrder> | undefined>
}

/** The facts that are read; the others come from the level's own past. */
export interface ReadFacts extends Omit<Facts, "dismissed" | "isExhausted"> {
  readonly found: ReadonlyArray<FoundCause>
  /** The services that were out before this process, and that its own health check has found out, too. */
  readonly stillOut: ReadonlyArray<string>
  readonly declared: StandingOrder | undefined
}

const statesOf = <A extends Probed>(peers: ReadonlyArray<A>) =>
  Effect.map(
    Effect.forEach(peers, (peer) =>
      peer.circuitBreaker === undefined
        ? Effect.succeed([])
        : Effect.map(peer.circuitBreaker.state, ({ _tag: circuit, reason }) => [
            { ...peer, circuit, ...(reason === undefined ? {} : { reason }) }
          ])
    ),
    (states): ReadonlyArray<A & Pick<PeerState, "circuit" | "reason">> => states.flat()
  )

/**
 * Whether a peer that was out before the restart has still to show that it is back. A check that cannot find out leaves
 * that to the calls, as a half-open breaker does.
 */
const isUnproven = (finding: Finding | undefined): boolean =>
  finding !== undefined && (finding.checkedAt === undefined || finding.status === "unhealthy")

const noFindings: ReadonlyArray<Finding> = []
const noCauses: ReadonlyArray<FoundCause> = []

/** Makes a reader. `wasOut`: the services that were out when the process before this one recorded the level. */
export const makeReader = (sources: Sources, wasOut: ReadonlyArray<string>): Effect.Effect<ReadFacts> => {
  const { declared, health, local = [], others = [], tiers } = sources
  const unproven = new Set(wasOut)
  let last: StandingOrder | undefined
  return Effect.gen(function* () {
    const findings: ReadonlyArray<Finding> =
      unproven.size === 0 || health === undefined ? noFindings : yield* health.findings
    const proven = <A extends PeerState>(state: A): A => {
      if (!unproven.has(state.service)) return state
      // A breaker that has moved knows more than the past.
      if (state.circuit === "Closed" && isUnproven(findings.find(({ name }) => name === state.service)))
        return { ...state, circuit: "Unproven" }
      unproven.delete(state.service)
      return state
    }
    const states: ReadonlyArray<TierState> = yield* statesOf(tiers)
    const otherStates: ReadonlyArray<PeerState> = yield* statesOf(others)
    const areOut = yield* Effect.forEach(local, ({ isOut }) => isOut)
    // An emergency that was declared stays while the database cannot be read.
    const order = declared === undefined ? undefined : yield* declared
    if (order !== undefined) last = Option.getOrUndefined(order)
    return {
      tiers: states.map(proven),
      others: otherStates.map(proven),
      stillOut: findings
        .filter(
          ({ checkedAt, name, status }) => unproven.has(name) && checkedAt !== undefined && status === "unhealthy"
        )
        .map(({ name }) => name),
      localOut: local.filter((_, index) => areOut[index] === true).map(({ service }) => service),
      found: health === undefined ? noCauses : yield* health.emergencies,
      declared: last
    }
  })
}
