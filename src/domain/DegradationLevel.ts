/**
 * How much of the system is available, from 0 (everything) to 3 (emergency).
 *
 * | level | name       | who investigates      | actions that run without a person                  |
 * | ----- | ---------- | --------------------- | -------------------------------------------------- |
 * | 0     | full       | HolmesGPT, LLM, rules | every action that the guardrails permit            |
 * | 1     | reduced AI | LLM, rules            | priority actions: those that restore service       |
 * | 2     | rule-based | rules                 | safe actions: reversible and of small blast radius |
 * | 3     | emergency  | none                  | none: alerts are stored and escalated              |
 */

import { Schema } from "effect"

/** The degradation level: 0 full, 1 reduced AI, 2 rule-based, 3 emergency. */
export const DegradationLevel = Schema.Literals([0, 1, 2, 3])
export type DegradationLevel = typeof DegradationLevel.Type

/**
 * The name of a level in status, logs and spans.
 *
 * ```ts
 * import { DegradationLevel } from "kubernaut"
 *
 * DegradationLevel.levelName(1) // => "reduced-ai"
 * DegradationLevel.capabilities(2).investigators // => ["rules"]
 * ```
 */
export const levelName = (level: DegradationLevel): "full" | "reduced-ai" | "rule-based" | "emergency" =>
  ({ 0: "full", 1: "reduced-ai", 2: "rule-based", 3: "emergency" } as const)[level]

/** What the service can still do at a level: `capabilities` in the response of `GET /api/v1/status`. */
export const Capabilities = Schema.Struct({
  investigators: Schema.Array(Schema.Literals(["holmesgpt", "llm", "rules"])),
  context: Schema.Literals(["full", "reduced", "basic", "none"]),
  actions: Schema.Literals(["all", "priority", "safe", "none"])
})
export type Capabilities = typeof Capabilities.Type

const capabilitiesOf: Readonly<Record<DegradationLevel, Capabilities>> = {
  0: { investigators: ["holmesgpt", "llm", "rules"], context: "full", actions: "all" },
  1: { investigators: ["llm", "rules"], context: "reduced", actions: "priority" },
  2: { investigators: ["rules"], context: "basic", actions: "safe" },
  3: { investigators: [], context: "none", actions: "none" }
}

/** The capabilities of a level. */
export const capabilities = (level: DegradationLevel): Capabilities => capabilitiesOf[level]
