/**
 * Publishes the texts that leave the service: log lines and spans as its exporters would send them, its responses,
 * errors included, and the cause when its process ends by itself.
 */

import { Cause, type Exit, Logger } from "effect"
import type { ProcessOptions } from "../engine/Process.ts"
import type { Observations } from "./Observation.ts"

const textOf = (value: unknown): string =>
  JSON.stringify(value, (_key, each: unknown) => (typeof each === "bigint" ? String(each) : each)) ?? ""

/**
 * A cause with everything that a careless reporter might print: the fields of its errors, their messages and causes.
 */
export const textOfCause = (cause: Cause.Cause<unknown>): string => `${Cause.pretty(cause)} ${textOf(cause)}`

export const watchText = (observations: Observations): Required<Pick<ProcessOptions, "logger" | "onSpan">> => ({
  logger: Logger.make((options) =>
    observations.publish({
      _tag: "TextLeft",
      channel: "log",
      about: textOf(options.message),
      text: Logger.formatJson.log(options)
    })
  ),
  onSpan: (span) => {
    const { attributes, name, status } = span
    const failure = status._tag === "Ended" && status.exit._tag === "Failure" ? textOfCause(status.exit.cause) : ""
    observations.publish({
      _tag: "TextLeft",
      channel: "span",
      about: name,
      text: `${name} ${textOf([...attributes])} ${failure}`
    })
  }
})

/** Publishes a response of the service. */
export const publishAnswer = (observations: Observations, exit: Exit.Exit<unknown, unknown>): void => {
  if (!observations.isObserved("TextLeft")) return
  const failed = exit._tag === "Failure"
  observations.publish({
    _tag: "TextLeft",
    channel: "answer",
    about: failed ? "an error" : "an answer",
    text: failed ? textOfCause(exit.cause) : textOf(exit.value)
  })
}

/** Publishes what a process that ends by itself leaves in the container's log. */
export const publishCrash = (observations: Observations, exit: Exit.Exit<unknown, unknown>): void => {
  if (exit._tag === "Failure")
    observations.publish({
      _tag: "TextLeft",
      channel: "crash",
      about: "the end of the process",
      text: textOfCause(exit.cause)
    })
}
