/** The options of `Kubernaut.layer`, and their validation before anything starts. */

import { Duration, Effect, Option, Schema, SchemaIssue } from "effect"
import { GuardrailSettings } from "./decision/GuardrailSettings.ts"
import { Mode } from "./domain/Mode.ts"
import type { ExecutorOptions } from "./execution/Executor.ts"
import type { IntakeOptions } from "./intake/Intake.ts"
import type { Options as ChainOptions } from "./investigation/InvestigationChain.ts"
import { type Investigator, serviceName } from "./investigation/Investigator.ts"
import type { Rule } from "./investigation/rules/Rulebook.ts"
import type { LocalOptions } from "./remediation/RemediationActors.ts"
import type { Options as PipelineOptions } from "./resilience/pipeline/Pipeline.ts"
import type { VerifierOptions } from "./verification/Verifier.ts"

/** The options of a program that embeds Kubernaut. Only `cluster` is required. */
export interface KubernautOptions<E = never, R = never> {
  /**
   * Name of the cluster: 1 to 63 letters, digits, dots, dashes and underscores. It is part of every target, and
   * therefore of the journal. Do not change it for a database that already has remediations.
   */
  readonly cluster: string
  /** Which actions may run without a person. Default `observe`, in which none may. */
  readonly mode?: Mode
  /** Overrides individual guardrails. Default: `GuardrailSettings.defaults`. */
  readonly guardrails?: Partial<GuardrailSettings>
  /**
   * The investigators in front of the rules, in the order in which they are tried: HolmesGPT, LLM providers, your own.
   * Each gets its own pipeline. When one fails, the next is tried; the rules come last. Default: none, rules alone.
   *
   * Provide what an effect needs, such as an HTTP client, to the layer and not to the effect: resources that are
   * provided to the effect close as soon as the investigators are made.
   */
  readonly investigators?: ReadonlyArray<Investigator> | Effect.Effect<ReadonlyArray<Investigator>, E, R>
  /** The rules of the last tier. Default: the rulebook in the package. */
  readonly rules?: ReadonlyArray<Rule>
  /** Deadline and pipeline settings of individual investigators. Default deadline: 30 s each. */
  readonly investigation?: Pick<ChainOptions, "deadline" | "pipeline">
  /** Settings of the pipeline in front of the cluster's API server. Default: those of `Pipeline`. */
  readonly kubernetes?: PipelineOptions
  /** Settings of the alert intake. */
  readonly intake?: Omit<IntakeOptions, "cluster" | "onAccepted">
  /** Settings of the actors and the sweep. */
  readonly actors?: Omit<LocalOptions, "mode" | "guardrails">
  /** Limits and waits of the executor. */
  readonly execution?: ExecutorOptions
  /** Timeouts and waits of the verifier. */
  readonly verification?: VerifierOptions
}

/** One invalid option: its path, and a message with the expected value. */
const Problem = Schema.Struct({ option: Schema.String, message: Schema.String })
type Problem = typeof Problem.Type

/** The options of `Kubernaut.layer` are invalid. Nothing was started. */
export class OptionsError extends Schema.TaggedError<OptionsError>()("OptionsError", {
  problems: Schema.Array(Problem)
}) {
  override get message(): string {
    return `Kubernaut.layer: ${this.problems.map(({ message, option }) => `${option}: ${message}`).join("; ")}`
  }
}

const duration = (least: "zero" | "more than zero") =>
  Schema.optionalKey(
    Schema.Unknown.check(
      Schema.makeFilter((input) => {
        const millis = Option.map(Duration.fromInput(input as Duration.Input), Duration.toMillis)
        return Option.exists(millis, (ms) => (least === "zero" ? ms >= 0 : ms > 0))
          ? undefined
          : `expected a duration of ${least}${least === "zero" ? " or more" : ""}, such as "30 seconds"`
      })
    )
  )

const count = Schema.optionalKey(
  Schema.Unknown.check(
    Schema.makeFilter((value) =>
      Number.isInteger(value) && (value as number) >= 1 ? undefined : "expected a whole number of 1 or more"
    )
  )
)

const oneOf = (...values: ReadonlyArray<string>) =>
  Schema.Unknown.check(
    Schema.makeFilter((value) => (values.includes(value as string) ? undefined : `expected ${values.join(", ")}`))
  )

const CheckedOptions = Schema.Struct({
  cluster: Schema.Unknown.check(
    Schema.makeFilter((name) =>
      typeof name === "string" && /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(name)
        ? undefined
        : "expected 1 to 63 letters, digits, dots, dashes and underscores, such as prod-eu-1"
    )
  ),
  mode: Schema.optionalKey(oneOf(...Mode.literals)),
  guardrails: Schema.optionalKey(
    Schema.Struct(
      Object.fromEntries(
        Object.entries(GuardrailSettings.fields).map(([name, field]) => [
          name,
          Schema.optionalKey(Schema.toType(field as Schema.Codec<unknown>))
        ])
      )
    )
  ),
  actors: Schema.optionalKey(
    Schema.Struct({
      concurrency: count,
      sweepInterval: duration("more than zero"),
      fencedRest: duration("more than zero")
    })
  ),
  execution: Schema.optionalKey(
    Schema.Struct({
      attempts: count,
      readBackDelay: duration("zero"),
      evictionInterval: duration("more than zero"),
      evictionDeadline: duration("zero")
    })
  ),
  verification: Schema.optionalKey(
    Schema.Struct({
      settleTimeout: duration("more than zero"),
      stabilisation: duration("zero"),
      pollInterval: duration("more than zero"),
      pollIntervalCap: duration("more than zero"),
      alertTimeout: duration("zero")
    })
  )
})

const decode = Schema.decodeUnknownEffect(CheckedOptions, { errors: "all" })
const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** Fails with every invalid option. */
export const checkOptions = (options: KubernautOptions<unknown, unknown>): Effect.Effect<void, OptionsError> =>
  decode(options).pipe(
    Effect.asVoid,
    Effect.mapError(
      ({ issue }) =>
        new OptionsError({
          problems: format(issue).issues.map(({ message, path = [] }) => ({
            option: path.map(String).join("."),
            message
          }))
        })
    )
  )

/** Fails if two investigators have the same name, or if one is named `rules`. */
export const checkInvestigators = (investigators: ReadonlyArray<Investigator>): Effect.Effect<void, OptionsError> => {
  const names = investigators.map(serviceName)
  const problems = names.flatMap((name, index): ReadonlyArray<Problem> => {
    const option = `investigators[${index}]`
    if (name === "rules") return [{ option, message: "the rules are added by Kubernaut; set the option rules" }]
    return names.indexOf(name) === index
      ? []
      : [{ option, message: `another investigator is also called ${name}; give one a provider of its own` }]
  })
  return problems.length === 0 ? Effect.void : Effect.fail(new OptionsError({ problems }))
}
