/**
 * The three named scenarios of the requirements (`docs/requirements.md`, Chaos): a service is down for a quarter of an
 * hour, and all remediations before, during and after the outage are checked.
 *
 * | scenario                 | down                    | expected                   |
 * | ------------------------ | ----------------------- | -------------------------- |
 * | `HolmesGPT_Service_Down` | HolmesGPT               | fallback to LLMs, level 1  |
 * | `LLM_Service_Down`       | both LLMs, no HolmesGPT | fallback to rules, level 2 |
 * | `All_AI_Services_Down`   | HolmesGPT and both LLMs | fallback to rules, level 2 |
 *
 * With a healthy HolmesGPT nothing uses the LLMs, so the second scenario has no HolmesGPT.
 */

import type { DegradationLevel } from "../../domain/DegradationLevel.ts"
import type { InvestigatorName } from "../../domain/Investigation.ts"
import type { Invariant } from "../invariants/Invariant.ts"
import type { CommittedEvent } from "../observation/Observation.ts"
import { type ModelTier, type Scenario, steady } from "./Scenario.ts"

const minuteMs = 60_000
const beginsMs = 10 * minuteMs
const forMs = 15 * minuteMs
/** Until breakers have opened or closed and work in progress has ended. */
const settlesMs = 2 * minuteMs

interface Expected {
  readonly name: string
  readonly usual: InvestigatorName
  readonly meanwhile: InvestigatorName
  readonly level: DegradationLevel
}

const investigations = (events: ReadonlyArray<CommittedEvent>) =>
  events.flatMap(({ event, kind, remediationId }) =>
    kind === "Investigated" && event._tag === "Investigated"
      ? [{ id: remediationId, level: event.level, by: event.investigation?.investigator }]
      : []
  )

/**
 * During the outage `meanwhile` investigates everything at its level; before and after it, `usual` does at level 0.
 * Each of the three phases has investigations.
 */
const fallsBack = ({ level, meanwhile, name, usual }: Expected): Invariant => ({
  name,
  description: `During the outage ${meanwhile} investigates at level ${level}; before and after it, ${usual} does at level 0.`,
  make: (_, report) => {
    const seen = { before: 0, during: 0, after: 0 }
    const phaseAt = (atMs: number): keyof typeof seen | undefined => {
      if (atMs < beginsMs) return "before"
      if (atMs >= beginsMs + settlesMs && atMs < beginsMs + forMs) return "during"
      return atMs >= beginsMs + forMs + settlesMs ? "after" : undefined
    }
    return {
      on: {
        Committed: ({ events }, atMs) => {
          const phase = phaseAt(atMs)
          if (phase === undefined) return
          const expected = phase === "during" ? { by: meanwhile, level } : { by: usual, level: 0 }
          for (const { by, id, level } of investigations(events)) {
            seen[phase]++
            if (by !== expected.by || level !== expected.level) {
              report(
                `${id} was investigated by ${by ?? "nobody"} at level ${level} ${phase} the outage, not by ${expected.by} at level ${expected.level}`
              )
            }
          }
        }
      },
      atEnd: () => {
        for (const [phase, count] of Object.entries(seen))
          if (count === 0) report(`nothing was investigated ${phase} the outage`)
      }
    }
  }
})

const outage = (name: string, tiers: ReadonlyArray<ModelTier>, away: ReadonlyArray<ModelTier>): Scenario => ({
  ...steady,
  name,
  durationMs: 40 * minuteMs,
  // Often enough that breakers open soon.
  incidentEveryMs: minuteMs / 2,
  tiers,
  plan: [{ kind: "service-down", atMs: beginsMs, forMs, parameters: { peers: away } }]
})

const all: ReadonlyArray<ModelTier> = ["holmesgpt", "llm:alpha", "llm:beta"]
const llms: ReadonlyArray<ModelTier> = ["llm:alpha", "llm:beta"]

export const holmesGptDown = outage("HolmesGPT_Service_Down", all, ["holmesgpt"])

export const llmsTakeOver = fallsBack({
  name: "expect-llm-fallback",
  usual: "holmesgpt",
  meanwhile: "llm",
  level: 1
})

export const llmDown = outage("LLM_Service_Down", llms, llms)

export const rulesTakeOverFromLlms = fallsBack({
  name: "expect-rule-based-fallback",
  usual: "llm",
  meanwhile: "rules",
  level: 2
})

export const allAiDown = outage("All_AI_Services_Down", all, all)

export const rulesTakeOverFromAll = fallsBack({
  name: "expect-rules-at-level-2",
  usual: "holmesgpt",
  meanwhile: "rules",
  level: 2
})
