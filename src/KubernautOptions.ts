/** The options of `Kubernaut.layer`, and their validation before anything starts. */

import { Duration, Effect, Option, Result, Schema, SchemaIssue } from "effect"
import type { ChangeOptions } from "./changes/ChangeWatcher.ts"
import { conflictIn as guardrailConflictIn } from "./decision/BlastRadiusSettings.ts"
import { GuardrailSettings, inForce } from "./decision/GuardrailSettings.ts"
import { Severity } from "./domain/Alert.ts"
import { InvestigatorName } from "./domain/Investigation.ts"
import { Mode } from "./domain/Mode.ts"
import type { ExecutorOptions } from "./execution/Executor.ts"
import type { RollbackOptions } from "./execution/RollbackExecutor.ts"
import type { AllAiDown } from "./health/EmergencyMode.ts"
import type { PressureReading } from "./health/Pressure.ts"
import { meanings } from "./intake/AlertTarget.ts"
import type { IntakeOptions } from "./intake/Intake.ts"
import type { HedgeOptions, Options as ChainOptions } from "./investigation/InvestigationChain.ts"
import { type Investigator, serviceName } from "./investigation/Investigator.ts"
import { Rule } from "./investigation/rules/Rulebook.ts"
import { Budgets } from "./investigation/spend/Budget.ts"
import type { SpendSettings } from "./investigation/spend/SpendMeter.ts"
import { problemOf as customKindProblem } from "./kubernetes/CustomKinds.ts"
import type { LocalOptions } from "./remediation/RemediationActors.ts"
import type { EventHub } from "./resilience/EventHub.ts"
import type { Options as PipelineOptions } from "./resilience/pipeline/Pipeline.ts"
import type { ResilienceEvent } from "./resilience/ResilienceEvent.ts"
import { conflictIn, type VerifierOptions } from "./verification/Verifier.ts"

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
  /**
   * What is done when every configured model is out: the rules go on alone at level 2 (`rules`, the default), or it is
   * an emergency, level 3, in which alerts are stored and escalated (`emergency`).
   */
  readonly allAiDown?: AllAiDown
  /** Health: how the level recovers. */
  readonly health?: HealthOptions
  /** The rules of the last tier. Default: the rulebook in the package. */
  readonly rules?: ReadonlyArray<Rule>
  /** Deadline (30 s each by default) and pipelines of investigators, and whether HolmesGPT is hedged (it is not). */
  readonly investigation?: Pick<ChainOptions, "deadline" | "hedge" | "pipeline">
  /** Budgets of model calls, and the currency of money. Default: no budgets; calls are counted all the same. */
  readonly spend?: Partial<SpendSettings>
  /** Settings of the pipeline in front of the cluster's API server. Default: those of `Pipeline`. */
  readonly kubernetes?: PipelineOptions
  /** Settings of the alert intake. */
  readonly intake?: Omit<IntakeOptions, "cluster" | "onAccepted">
  /** Settings of the actors and the sweep. */
  readonly actors?: Omit<LocalOptions, "mode" | "guardrails" | "cluster">
  /** Limits and waits of the executor. */
  readonly execution?: ExecutorOptions
  /** Rollbacks: how long they wait for the pods of the target. Their other limits are those of `execution`. */
  readonly rollback?: Pick<RollbackOptions, "restoreTimeout">
  /** Timeouts and waits of the verifier. */
  readonly verification?: VerifierOptions
  /**
   * Which changes of the cluster are recorded, and for how long: with `{}` those of all kinds of `WatchedKinds`, for 7
   * days. Default: `false`, none, and what changed is unknown. The service records them (`KUBERNAUT_CHANGES`). An
   * embedder asks for it, because it needs the rights of the ClusterRole `kubernaut-changes`.
   */
  readonly changes?: ChangeOptions | false
  /**
   * The hub to which the breakers and supervisors publish, if other parts of your program publish to it too, such as
   * `FiringAlerts`. Default: a hub of its own.
   */
  readonly events?: EventHub<ResilienceEvent>
}

/** How the service judges its own health. */
export interface HealthOptions {
  /** How long something better must last until the degradation level rises. Default 30 seconds. */
  readonly levelDwell?: Duration.Input
  /** Reads the CPU and memory of the container once a second: `Cgroup.read`. Default: nothing is claimed about them. */
  readonly pressure?: Effect.Effect<PressureReading>
  /** How often a synthetic alert is sent the whole way. Default: never. The service does (`KUBERNAUT_PIPELINE_CHECK`). */
  readonly pipelineCheck?: Duration.Input
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

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** Says what would be right if the value is wrong. */
type Check = (value: unknown) => string | undefined

const duration =
  (least: "zero" | "more than zero"): Check =>
  (value) => {
    const millis = Option.map(Duration.fromInput(value as Duration.Input), Duration.toMillis)
    return Option.exists(millis, (ms) => (least === "zero" ? ms >= 0 : ms > 0))
      ? undefined
      : `expected a duration of ${least}${least === "zero" ? " or more" : ""}, such as "30 seconds"`
  }

const number =
  (expected: string, isRight: (value: number) => boolean): Check =>
  (value) =>
    typeof value === "number" && isRight(value) ? undefined : `expected ${expected}`

const count = number("a whole number of 1 or more", (value) => Number.isSafeInteger(value) && value >= 1)

const aFunction: Check = (value) => (typeof value === "function" ? undefined : "expected a function")

const unless =
  (allowed: unknown, check: Check): Check =>
  (value) =>
    value === allowed ? undefined : check(value)

const either =
  (left: Check, right: Check): Check =>
  (value) =>
    left(value) === undefined ? undefined : right(value)

const clusterName: Check = (value) =>
  typeof value === "string" && /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(value)
    ? undefined
    : "expected 1 to 63 letters, digits, dots, dashes and underscores, such as prod-eu-1"

/** The checks of a group of options. The type makes sure that each option has one. */
type Checks<Group> = { readonly [Option in keyof Group]-?: Check }

const guardrails = Object.fromEntries(
  Object.entries(GuardrailSettings.fields).map(([name, field]) => [name, bySchema(field as Schema.Codec<unknown>)])
)

const actors: Checks<NonNullable<KubernautOptions["actors"]>> = {
  concurrency: count,
  sweepInterval: duration("more than zero"),
  fencedRest: duration("more than zero"),
  patience: duration("zero"),
  reviewTimeout: duration("more than zero"),
  approvalLifetime: duration("more than zero")
}

const execution: Checks<ExecutorOptions> = {
  maximumResourceFactor: number("a number greater than 1", (value) => value > 1 && value < Infinity),
  maximumScaleFactor: number("a number of 1 or more", (value) => value >= 1 && value < Infinity),
  maximumNodesOut: number("a share from 0 to 1", (value) => value >= 0 && value <= 1),
  removableKinds: bySchema(Schema.Array(Schema.NonEmptyString)),
  attempts: count,
  readBackDelay: duration("zero"),
  evictionInterval: duration("more than zero"),
  evictionDeadline: duration("zero"),
  intentLifetime: duration("more than zero"),
  isProtectedNamespace: aFunction,
  redact: aFunction
}

const health: Checks<HealthOptions> = {
  levelDwell: duration("zero"),
  pressure: (value) => (Effect.isEffect(value) ? undefined : "expected an effect"),
  pipelineCheck: duration("more than zero")
}

const rollback: Checks<NonNullable<KubernautOptions["rollback"]>> = {
  restoreTimeout: duration("more than zero")
}

const verification: Checks<VerifierOptions> = {
  settleTimeout: duration("more than zero"),
  stabilisation: duration("zero"),
  pollInterval: duration("more than zero"),
  pollIntervalCap: duration("more than zero"),
  alertTimeout: duration("zero"),
  alertQuiet: duration("zero"),
  rolloutTimeout: duration("more than zero")
}

const label = Schema.NonEmptyString

const intake: Checks<NonNullable<KubernautOptions["intake"]>> = {
  clusterAliases: bySchema(Schema.Array(label)),
  clusterLabels: bySchema(Schema.NonEmptyArray(label)),
  unlabelledAlerts: bySchema(Schema.Literals(["accept", "observe"])),
  capacity: count,
  shares: bySchema(Schema.Record(Severity, Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })))),
  onReceived: aFunction,
  onTruncated: aFunction,
  onPosted: aFunction,
  watchdog: bySchema(label),
  severities: bySchema(Schema.Record(label, Severity)),
  targetLabels: bySchema(Schema.Record(label, Schema.Literals(meanings))),
  rateLimit: bySchema(
    Schema.Struct({
      perSecond: Schema.Finite.check(Schema.isGreaterThan(0)),
      burst: Schema.Finite.check(Schema.isGreaterThan(0))
    })
  ),
  retryAfterMs: number("milliseconds, 0 or more", (value) => value >= 0 && value < Infinity),
  spoolAfter: duration("more than zero")
}

const changes: Checks<ChangeOptions> = {
  kinds: (value) =>
    Array.isArray(value) && value.every((kind) => typeof kind === "string")
      ? value.map(customKindProblem).find((problem) => problem !== undefined)
      : "expected a list of kinds, such as security.istio.io/v1/AuthorizationPolicy",
  retention: duration("more than zero"),
  perObject: count,
  inAll: count,
  isNewCluster: (value) => (typeof value === "boolean" ? undefined : "expected true or false")
}

/** The constructors of the pipeline's parts check their own settings. */
const anything: Check = () => undefined

const kubernetes: Checks<PipelineOptions> = {
  deadline: unless(false, duration("more than zero")),
  attemptTimeout: unless(false, duration("more than zero")),
  retryBudget: anything,
  retry: anything,
  circuitBreaker: anything,
  bulkhead: anything
}

const hedge: Checks<HedgeOptions> = {
  after: duration("more than zero"),
  deadline: unless(undefined, duration("more than zero"))
}

const investigation: Checks<NonNullable<KubernautOptions["investigation"]>> = {
  deadline: either(aFunction, duration("more than zero")),
  pipeline: aFunction,
  hedge: (value) =>
    problemsOf({ after: undefined, ...(value as object) }, hedge, "").map(
      (each) => `${each.option}: ${each.message}`
    )[0]
}

const spend: Checks<SpendSettings> = {
  budgets: bySchema(Budgets),
  currency: bySchema(label)
}

const groups = {
  changes,
  guardrails,
  actors,
  execution,
  health,
  rollback,
  verification,
  intake,
  kubernetes,
  investigation,
  spend
}

const single: Checks<Omit<KubernautOptions, keyof typeof groups>> = {
  cluster: clusterName,
  mode: (value) =>
    (Mode.literals as ReadonlyArray<unknown>).includes(value) ? undefined : `expected ${Mode.literals.join(", ")}`,
  allAiDown: (value) => (value === "rules" || value === "emergency" ? undefined : "expected rules or emergency"),
  // Checked when they have been made.
  investigators: anything,
  events: anything,
  rules: bySchema(Schema.Array(Rule))
}

function bySchema(schema: Schema.Codec<unknown>): Check {
  const decode = Schema.decodeUnknownResult(Schema.toType(schema), { errors: "all", onExcessProperty: "error" })
  return (value) => {
    const result = decode(value)
    if (Result.isSuccess(result)) return undefined
    return format(result.failure.issue)
      .issues.map(({ message, path = [] }) => [...path.map(String), message].join(": "))
      .join("; ")
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** An option that is `undefined` counts as absent, so that it never overrides a default. */
const withoutUndefined = (value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined))

const problemsOf = (
  options: Readonly<Record<string, unknown>>,
  checks: Readonly<Record<string, Check>>,
  prefix: string
): ReadonlyArray<Problem> =>
  Object.entries(options).flatMap(([name, value]) => {
    const option = `${prefix}${name}`
    const message = Object.hasOwn(checks, name)
      ? checks[name]?.(value)
      : `unknown option; expected one of ${Object.keys(checks).join(", ")}`
    return message === undefined ? [] : [{ option, message }]
  })

/**
 * The options without those that are `undefined`. Fails with every option that is wrong, and with every unknown one: a
 * misspelt guardrail must not go unnoticed.
 */
export const checkOptions = <E, R>(
  options: KubernautOptions<E, R>
): Effect.Effect<KubernautOptions<E, R>, OptionsError> => {
  if (!isObject(options)) {
    return Effect.fail(new OptionsError({ problems: [{ option: "options", message: "expected an object" }] }))
  }
  const given = withoutUndefined(options)
  const inGroups = Object.keys(groups).flatMap((name): ReadonlyArray<readonly [string, unknown]> => {
    const group = given[name]
    return group === undefined ? [] : [[name, isObject(group) ? withoutUndefined(group) : group]]
  })
  const known: Readonly<Record<string, Check>> = {
    ...single,
    ...Object.fromEntries(
      Object.keys(groups).map((name): [string, Check] => [
        name,
        (value) => (isObject(value) || (name === "changes" && value === false) ? undefined : "expected an object")
      ])
    )
  }
  const problems = [
    ...problemsOf({ cluster: undefined, ...given }, known, ""),
    ...inGroups.flatMap(([name, group]) =>
      isObject(group) ? problemsOf(group, groups[name as keyof typeof groups], `${name}.`) : []
    )
  ]
  if (problems.length === 0) {
    const conflict = conflictIn(options.verification ?? {})
    if (conflict !== undefined) problems.push({ option: "verification", message: conflict })
    const limits = guardrailConflictIn(inForce(options.guardrails))
    if (limits !== undefined) problems.push({ option: "guardrails", message: limits })
  }
  return problems.length === 0
    ? Effect.succeed({ ...given, ...Object.fromEntries(inGroups) } as unknown as KubernautOptions<E, R>)
    : Effect.fail(new OptionsError({ problems }))
}

/** Fails with this option's name if making a part from it fails: the part's constructor says what is wrong. */
export const named =
  (option: string) =>
  <A, E, R>(made: Effect.Effect<A, E, R>): Effect.Effect<A, E | OptionsError, R> =>
    Effect.catchDefect(made, (defect) =>
      defect instanceof Error
        ? Effect.fail(new OptionsError({ problems: [{ option, message: defect.message }] }))
        : Effect.die(defect)
    )

const investigatorProblem = (investigator: unknown, earlier: ReadonlyArray<unknown>): string | undefined => {
  if (!isObject(investigator)) return "expected an investigator"
  const { investigate, name } = investigator
  if (name === "rules") return "the rules are added by Kubernaut; set the option rules"
  if (!(tierNames as ReadonlyArray<unknown>).includes(name)) return `name: expected ${tierNames.join(", ")}`
  if (typeof investigate !== "function") return "investigate: expected a function"
  const service = serviceName(investigator as unknown as Investigator)
  return earlier.some((other) => isObject(other) && serviceName(other as unknown as Investigator) === service)
    ? `another investigator is also called ${service}; give one a provider of its own`
    : undefined
}

const tierNames = InvestigatorName.literals.filter((name) => name !== "rules")

/** The investigators as a list. Fails if one is incomplete, is named `rules`, or has the name of another one. */
export const checkInvestigators = (
  investigators: unknown
): Effect.Effect<ReadonlyArray<Investigator>, OptionsError> => {
  if (!Array.isArray(investigators)) {
    const problem = {
      option: "investigators",
      message: "expected a list of investigators, or an effect that makes one"
    }
    return Effect.fail(new OptionsError({ problems: [problem] }))
  }
  const problems = investigators.flatMap((investigator: unknown, index): ReadonlyArray<Problem> => {
    const message = investigatorProblem(investigator, investigators.slice(0, index))
    return message === undefined ? [] : [{ option: `investigators[${index}]`, message }]
  })
  return problems.length === 0 ? Effect.succeed(investigators) : Effect.fail(new OptionsError({ problems }))
}
