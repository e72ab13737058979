/** Tells everything that the service says in log lines and spans, as its exporters would send it. */
import { Cause, Logger } from "effect"
import type { Observations } from "./Observation.ts"
import type { ProcessOptions } from "./Process.ts"

const textOf = (value: unknown): string => JSON.stringify(value, (_key, each: unknown) => typeof each === "bigint" ? String(each) : each)

export const watchText = (observations: Observations): Required<Pick<ProcessOptions, "logger" | "onSpan">> => ({
  logger: Logger.make((options) =>
    observations.tell({ _tag: "TextLeft", channel: "log", about: textOf(options.message), text: Logger.formatJson.log(options) })
  ),
  onSpan: (span) => {
    const { attributes, name, status } = span
    const failure = status._tag === "Ended" && status.exit._tag === "Failure" ? Cause.pretty(status.exit.cause) : ""
    observations.tell({ _tag: "TextLeft", channel: "span", about: name, text: `${name} ${textOf([...attributes])} ${failure}` })
  }
})
