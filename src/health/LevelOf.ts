/** The level that the circuit breakers of the models call for. Pure. See `Degradation` for the table. */

import type { DegradationLevel } from "../domain/DegradationLevel.ts"
import type { InvestigatorName } from "../domain/Investigation.ts"
import type { Snapshot } from "../resilience/breaker/CircuitBreaker.ts"

/**
 * The state of a peer: that of its breaker. `Unproven`: the breaker is new and closed, but the peer was out before the
 * process was restarted, and has not answered since.
 */
export type PeerCircuit = Snapshot["_tag"] | "Unproven"

/** A peer, and whether it is out. */
export interface PeerState {
  readonly service: string
  readonly circuit: PeerCircuit
  /** The code why it is suspended, or was tripped. */
  readonly reason?: string
}

/** The state of one tier of the fallback chain. */
export interface TierState extends PeerState {
  readonly name: InvestigatorName
}

/** The inputs of `levelOf`. */
export interface LevelInputs {
  /** The configured tiers that have a circuit breaker. */
  readonly tiers: ReadonlyArray<TierState>
  /** Why it is an emergency, one sentence each. Default: it is none. */
  readonly emergency?: ReadonlyArray<string>
}

/** A degradation level and the reasons for it. */
export interface Level {
  readonly level: DegradationLevel
  /** One sentence for each service that is out. */
  readonly reasons: ReadonlyArray<string>
}

/** Whether calls to the peer must not be relied on. */
export const isOut = ({ circuit }: Pick<PeerState, "circuit">): boolean =>
  circuit !== "Closed" && circuit !== "ForcedClosed"

/** Why a peer that is out is out, as one sentence. */
export const sentence = ({ circuit, reason, service }: PeerState): string => {
  switch (circuit) {
    case "HalfOpen":
      return `${service} is being probed`
    case "Isolated":
      return `${service} is isolated by an operator`
    case "Suspended":
      return `${service} is suspended: ${reason ?? "unknown"}`
    case "Unproven":
      return `${service} was out before the restart, and has not answered since`
    default:
      return reason === undefined ? `${service} is out` : `${service} is out: ${reason}`
  }
}

/**
 * Computes the level from the state of the tiers.
 *
 * ```ts
 * import { Degradation } from "kubernaut"
 *
 * const holmesgpt = { name: "holmesgpt", service: "holmesgpt", circuit: "Open" } as const
 * const llm = { name: "llm", service: "llm:openai", circuit: "Closed" } as const
 * Degradation.levelOf({ tiers: [holmesgpt, llm] }) // => { level: 1, reasons: ["holmesgpt is out"] }
 * ```
 */
export const levelOf = ({ emergency = [], tiers }: LevelInputs): Level => {
  const models = tiers.filter((tier) => tier.name !== "rules")
  const out = models.filter(isOut)
  const reasons = [...emergency, ...out.map(sentence)]
  if (emergency.length > 0) return { level: 3, reasons }
  if (out.length === 0) return { level: 0, reasons }
  if (out.length === models.length) return { level: 2, reasons }
  return { level: out.some((tier) => tier.name !== "llm") ? 1 : 0, reasons }
}
