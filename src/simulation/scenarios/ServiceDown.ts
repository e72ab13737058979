/**
 * The three scenarios of the source document's "Automated Testing", by its names: for a quarter of an hour a service is
 * away, and what is expected then, and again afterwards, is checked over all remediations of that time.
 *
 * | scenario                 | away                                   | expected                  |
 * | ------------------------ | -------------------------------------- | ------------------------- |
 * | `HolmesGPT_Service_Down` | HolmesGPT                              | the LLMs answer, level 1  |
 * | `LLM_Service_Down`       | both LLMs, where there is no HolmesGPT | the rules answer, level 2 |
 * | `All_AI_Services_Down`   | HolmesGPT and both LLMs                | the rules answer, level 2 |
 *
 * The document expects emergency mode of the third. It comes when the rules fail too, or where an operator says that it
 * should; emergency mode is not built yet, so today it is level 2 with rules.
 *
 * LLMs that are away beside a HolmesGPT that is well change nothing, as nobody asks them: so the second scenario is
 * about a service without HolmesGPT.
 */

import type { DegradationLevel } from "../../domain/DegradationLevel.ts"
import type { InvestigatorName } from "../../domain/Investigation.ts"
import type { Invariant } from "../invariants/Invariant.ts"
import type { CommittedEvent } from "../observation/Observation.ts"
import { type ModelTier, type Scenario, steady } from "./Scenario.ts"

const minuteMs = 60_000
const beginsMs = 10 * minuteMs
const forMs = 15 * minuteMs
/** Until breakers have opened, or closed, and what was under way has ended. */
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
 * In the outage everything is investigated by `meanwhile` at its level, before and afterwards by `usual` at level 0,
 * and each of the three happens.
 */
const fallsBack = ({ level, meanwhile, name, usual }: Expected): Invariant => ({
  name,
  description: `While it is away ${meanwhile} answers at level ${level}; before and afterwards ${usual} at level 0.`,
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
  // Often enough that breakers notice at once.
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
