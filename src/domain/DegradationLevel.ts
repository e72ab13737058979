/**
 * How much of the system can be relied on, from 0 (everything) to 3 (emergency), as the resilience document names it.
 *
 * | level | name       | who investigates      | which actions may run by themselves                |
 * | ----- | ---------- | --------------------- | -------------------------------------------------- |
 * | 0     | full       | HolmesGPT, LLM, rules | every action of the catalogue whose gate is open   |
 * | 1     | reduced AI | LLM, rules            | priority actions: those that restore service       |
 * | 2     | rule-based | rules                 | safe actions: reversible and of small blast radius |
 * | 3     | emergency  | nobody                | none: alerts are kept and put before a person      |
 */

import { Schema } from "effect"

export const DegradationLevel = Schema.Literals([0, 1, 2, 3])
export type DegradationLevel = typeof DegradationLevel.Type

/** The name of each level, as status, logs and spans say it. */
export const levelName = (level: DegradationLevel): "full" | "reduced-ai" | "rule-based" | "emergency" =>
  ({ 0: "full", 1: "reduced-ai", 2: "rule-based", 3: "emergency" } as const)[level]

/** What the system can still do at a level: the `capabilities` of `GET /api/v1/status`. */
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

export const capabilities = (level: DegradationLevel): Capabilities => capabilitiesOf[level]
