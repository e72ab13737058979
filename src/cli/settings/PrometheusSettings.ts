/** The settings of the Prometheus whose metrics are evidence. */

import { Schema } from "effect"
import { httpUrl, setting } from "./Setting.ts"

/** Matchers as they are between the braces of a PromQL selector. Nothing else may be in a question. */
const matcher = String.raw`[a-zA-Z_][a-zA-Z0-9_]*(=|!=|=~|!~)"([^"\\\n]|\\.)*"`
const Matchers = Schema.String.check(
  Schema.isPattern(new RegExp(`^${matcher}(, *${matcher})*$`), {
    message: 'Expected matchers such as cluster="prod-a"'
  })
)

export const prometheus = {
  prometheusUrl: httpUrl({
    description:
      "URL of Prometheus, or of a server with its query API. With it, HolmesGPT and LLM providers are given the CPU, memory and restarts of the target's containers in the full context of level 0.",
    example: "http://prometheus:9090"
  }),
  prometheusSelector: setting(Matchers, {
    form: "text",
    description:
      "Matchers that are added to each query, for a Prometheus that has the series of several clusters. Without them, a pod of the same name in another cluster would be mixed up with ours.",
    expected: 'matchers of PromQL, such as cluster="prod-a"'
  })
} as const
