/**
 * What the events of HolmesGPT's stream say: what it has found so far, and how the investigation ended. Pure.
 *
 * | event                   | meaning                                               |
 * | ----------------------- | ----------------------------------------------------- |
 * | `ai_message`            | what its model says between two tool calls: a finding |
 * | `tool_calling_result`   | the result of a tool: a finding                       |
 * | `ai_answer_end`         | the answer, unless its model was cut off or filtered  |
 * | `error`                 | it failed, under status 200                           |
 * | `approval_required`     | a tool waits for a person, whom nobody asks           |
 * | `token_count`           | it is at work, and what that has cost so far          |
 * | `start_tool_calling`, … | it is at work                                         |
 *
 * HolmesGPT refuses a tool call that it has already made, and tells its model to move on. A model that makes the same
 * call a third time is in a loop, which would last until the step limit. Some tools do not tell their parameters.
 * HolmesGPT compares no such calls, and neither do we: they may be about different things.
 */

import type { Finding } from "../../PartialFindings.ts"
import type { ReportedUsage } from "../../spend/ModelUsage.ts"
import { usageIn } from "./HolmesGptUsage.ts"

/** An event as its stream has it. `data` is JSON, and may be cut off. */
export interface StreamEvent {
  readonly event: string
  readonly data: string
}

/** How the investigation ended. */
export type Ending =
  /** The text of the answer; `null` when its model said nothing. */
  | { readonly _tag: "Answer"; readonly analysis: string | null }
  /** Its model reached its limit of tokens. What it wrote is no answer, even if it parses. */
  | { readonly _tag: "CutOff" }
  /** A filter of its model has withheld the answer. */
  | { readonly _tag: "Filtered" }
  | { readonly _tag: "Error"; readonly code: unknown; readonly description: string }
  | { readonly _tag: "ApprovalRequired" }
  | { readonly _tag: "ToolLoop" }

/** How often the same tool call, with the same parameters, is one too many. */
export const callsOfLoop = 3

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}

const textOf = (value: unknown): string =>
  typeof value === "string" ? value : value === null || value === undefined ? "" : JSON.stringify(value)

const parsed = (json: string): unknown => {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

/** The end of the JSON string that begins at `start`, behind its closing quote; `undefined` if it does not close. */
const endOfString = (json: string, start: number): number | undefined => {
  for (let at = start + 1; at < json.length; at++) {
    if (json[at] === "\\") at++
    else if (json[at] === '"') return at + 1
  }
  return undefined
}

const analysisFirst = /^\s*\{\s*"analysis"\s*:\s*(?=")/

/**
 * The `analysis` of a chat response or of an `ai_answer_end`. It is the first field, and the conversation follows,
 * which is much longer. So what is cut off may have it whole. `undefined`: the text has no whole `analysis`.
 */
export const analysisIn = (json: string): { readonly analysis: string | null } | undefined => {
  const whole = parsed(json)
  if (whole !== undefined) {
    const { analysis } = fieldsOf(whole)
    return typeof analysis === "string" || analysis === null ? { analysis } : undefined
  }
  const start = analysisFirst.exec(json)?.[0].length
  const end = start === undefined ? undefined : endOfString(json, start)
  const analysis = end === undefined ? undefined : parsed(json.slice(start, end))
  return typeof analysis === "string" ? { analysis } : undefined
}

/** How its model has ended, by the reason that HolmesGPT passes on. What is cut off does not have it. */
const endings: ReadonlyMap<unknown, Ending> = new Map([
  ["length", { _tag: "CutOff" }],
  ["content_filter", { _tag: "Filtered" }]
])

/** The answer in a chat response or in an `ai_answer_end`; `undefined`: it has none that is whole. */
export const answerIn = (json: string): Ending | undefined => {
  const { finish_reason: reason } = fieldsOf(fieldsOf(parsed(json))["metadata"])
  const ending = endings.get(reason)
  if (ending !== undefined) return ending
  const found = analysisIn(json)
  return found === undefined ? undefined : { _tag: "Answer", ...found }
}

/** The result of a tool, under the names of both forms of this event. */
const toolResult = (data: unknown) => {
  const { description, name, result, tool_name: toolName } = fieldsOf(data)
  const { data: output, error, params, status } = fieldsOf(result)
  return {
    call: params === null || params === undefined ? undefined : `${textOf(toolName ?? name)} ${textOf(params)}`,
    finding: {
      source: "tool",
      about: textOf(description) || textOf(toolName ?? name),
      text: [status === "success" ? "" : textOf(status), textOf(error), textOf(output)]
        .filter((part) => part !== "")
        .join(": ")
    } satisfies Finding
  }
}

/** The course of one investigation. Feed it the events in order. */
export class HolmesGptProgress {
  private readonly onFinding: (finding: Finding) => void
  private readonly onUsage: (usage: ReportedUsage) => void
  private readonly calls = new Map<string, number>()
  private readonly heard: Array<string> = []
  private hasEvents = false

  constructor(onFinding: (finding: Finding) => void, onUsage: (usage: ReportedUsage) => void = () => {}) {
    this.onFinding = onFinding
    this.onUsage = onUsage
  }

  /** Whether HolmesGPT has shown any work. */
  get hasWorked(): boolean {
    return this.hasEvents
  }

  /** What its tools have found and its model has said, which an error may quote. */
  get texts(): ReadonlyArray<string> {
    return this.heard
  }

  /** Takes an event; the ending, if it is one. */
  take({ data, event }: StreamEvent): Ending | undefined {
    if (event !== "error") this.begin()
    switch (event) {
      case "token_count":
        // Its model keeps working after this.
        this.takeUsage(parsed(data), true)
        return undefined
      case "ai_answer_end": {
        this.takeUsage(parsed(data), false)
        const found = answerIn(data)
        if (found !== undefined) return found
        // Otherwise it was cut off, which the end of the stream shows.
        return parsed(data) === undefined ? undefined : { _tag: "Answer", analysis: null }
      }
      case "error": {
        const { description, error_code: code, msg } = fieldsOf(parsed(data))
        return { _tag: "Error", code, description: textOf(description ?? msg) }
      }
      case "approval_required":
        return { _tag: "ApprovalRequired" }
      case "ai_message":
        this.find({ source: "model", about: "", text: textOf(fieldsOf(parsed(data))["content"]) })
        return undefined
      case "tool_calling_result":
        return this.takeResult(parsed(data))
      default:
        return undefined
    }
  }

  /** Takes the tool calls of a chat response that came as a whole. */
  takeWhole(body: string): void {
    const response = parsed(body)
    this.takeUsage(response, false)
    const { tool_calls: calls } = fieldsOf(response)
    if (Array.isArray(calls)) calls.forEach((call) => void this.takeResult(call))
  }

  /** Its model has replied at least once, which is paid for, whatever becomes of it. How much that took is not known. */
  private begin(): void {
    if (!this.hasEvents) this.onUsage({ inputTokens: null, outputTokens: null, isPartial: true })
    this.hasEvents = true
  }

  private find(finding: Finding): void {
    this.heard.push(finding.text)
    this.onFinding(finding)
  }

  private takeUsage(data: unknown, isPartial: boolean): void {
    const usage = usageIn(data)
    if (usage !== undefined) this.onUsage({ ...usage, isPartial })
  }

  private takeResult(data: unknown): Ending | undefined {
    const { call, finding } = toolResult(data)
    const times = call === undefined ? 1 : (this.calls.get(call) ?? 0) + 1
    if (call !== undefined) this.calls.set(call, times)
    // Its refusal to repeat a call is no finding.
    if (times === 1) this.find(finding)
    return times >= callsOfLoop ? { _tag: "ToolLoop" } : undefined
  }
}
