/**
 * Two LLM providers, `alpha` and `beta`, as `effect/ai` `LanguageModel`s. The real `LlmInvestigator` runs on them.
 *
 * The port is `LanguageModel` and not HTTP, because the official SDKs wait by promises and timers that the world does
 * not control. Failures are mapped by the same table (`SdkLanguageModel`) as those of the real providers.
 *
 * Nothing is streamed, so a body that ends early is a failed connection. A provider of which nothing has come within
 * ten seconds is left, as by the real client (`StreamedResponse`).
 */

import { Effect, type Exit, Layer, Stream } from "effect"
import { AiError, LanguageModel, OpenAiStructuredOutput, type Prompt } from "effect/ai"
import { InvestigatorError } from "../../investigation/Investigator.ts"
import { contextLength, silentMetadata, toInvestigatorError } from "../../investigation/models/AiFailure.ts"
import { reasonOfStatus, reasonWithoutStatus } from "../../investigation/models/providers/SdkLanguageModel.ts"
import { defaultPatience } from "../../investigation/models/providers/StreamedResponse.ts"
import { ReportUsage } from "../../investigation/spend/ModelUsage.ts"
import * as TimeLimit from "../../resilience/TimeLimit.ts"
import type { CallEnding } from "../observation/Observation.ts"
import type { Cluster } from "./Cluster.ts"
import type { FarEnd, Setting } from "./FarEnd.ts"
import { attemptOf } from "./Link.ts"
import { ModelService } from "./ModelService.ts"
import { type Counted, countedFor } from "./ModelSpend.ts"
import type { Reply } from "./paths/ModelPath.ts"
import { type BodyFault, codes, type Passage } from "./paths/NetworkPath.ts"

const fail = (reason: AiError.AiErrorReason): AiError.AiError =>
  AiError.make({ module: "simulated", method: "generateText", reason })

export const passage: Passage<AiError.AiError> = {
  broken: (how) => fail(reasonWithoutStatus(Object.assign(new Error("no response"), { code: codes[how] })))
}

/** The text of a reply, or the error that a provider's module maps it to. */
export const textOf = (reply: Reply): Effect.Effect<string, AiError.AiError> => {
  switch (reply._tag) {
    case "Text":
      return Effect.succeed(reply.text)
    case "Refusal":
      return Effect.fail(fail(new AiError.ContentPolicyError({ description: "the model refused" })))
    case "Quota":
      return Effect.fail(fail(new AiError.QuotaExhaustedError({})))
    case "Overflow":
      return Effect.fail(fail(new AiError.InvalidRequestError({ parameter: "prompt", constraint: contextLength })))
    // Only HolmesGPT investigates in steps.
    case "Unfinished":
      return Effect.fail(passage.broken("truncated"))
    case "Status": {
      const { retryAfter, status } = reply
      const headers = { get: (name: string) => (name === "retry-after" ? (retryAfter ?? null) : null) }
      return Effect.fail(fail(reasonOfStatus({ status, headers, subject: undefined })))
    }
  }
}

interface Answered {
  readonly reply: Reply
  readonly text: string
  /** What the response says that it has cost. */
  readonly counted?: Counted
}

/** A response after the delay of its body; it fails where the body is cut off. */
export const arriving = <A>(
  answer: Effect.Effect<A, AiError.AiError>,
  { endsAfter = 1, pauseMs = 0 }: BodyFault
): Effect.Effect<A, AiError.AiError> => {
  const whole = endsAfter < 1 ? Effect.fail(passage.broken("truncated")) : answer
  return pauseMs === 0 ? whole : Effect.andThen(Effect.sleep(pauseMs), whole)
}

/** What may be due to the question: the text of an alert. */
const isOurs = ({ reason }: AiError.AiError): boolean =>
  reason._tag === "ContentPolicyError"
  || reason._tag === "InvalidRequestError"
  || (reason._tag === "AuthenticationError" && reason.kind === "InsufficientPermissions")

const judge = (exit: Exit.Exit<unknown, unknown>): CallEnding => {
  if (exit._tag === "Success") {
    const { reply } = exit.value as Answered
    if (reply._tag !== "Text") return "good"
    // So may a text that is of no use.
    return reply.worth === "bad" ? "neither" : reply.worth
  }
  const error = exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error as AiError.AiError | undefined
  return error !== undefined && isOurs(error) ? "neither" : "bad"
}

export const textOfPrompt = (prompt: Prompt.Prompt): string =>
  prompt.content
    .flatMap(({ content }) =>
      typeof content === "string" ? [content] : content.flatMap((part) => (part.type === "text" ? [part.text] : []))
    )
    .join("\n")

/** A model that always returns this text. */
export const saying = (text: Effect.Effect<string, AiError.AiError>): Effect.Effect<LanguageModel.LanguageModel> =>
  asking(() => Effect.map(text, (said) => ({ text: said })))

const usageOf = (counted: Counted | undefined) => ({
  inputTokens: { uncached: undefined, total: counted?.inputTokens, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: counted?.outputTokens, text: undefined, reasoning: undefined }
})

const asking = (
  ask: (text: string) => Effect.Effect<Pick<Answered, "counted" | "text">, AiError.AiError>
): Effect.Effect<LanguageModel.LanguageModel> =>
  LanguageModel.make({
    codecTransformer: OpenAiStructuredOutput.toCodecOpenAI,
    generateText: ({ prompt }) =>
      Effect.flatMap(ask(textOfPrompt(prompt)), ({ counted, text }) =>
        Effect.map(ReportUsage, (report) => {
          // As soon as it has been read: an answer of no use is paid for, too.
          if (counted !== undefined) report(counted)
          return [
            { type: "text" as const, text },
            { type: "finish" as const, reason: "stop" as const, usage: usageOf(counted) }
          ]
        })
      ),
    streamText: () => Stream.die(new Error("streaming is not simulated"))
  })

/** A probe with the error mapping and the time limit of the real providers, which list their models. */
export const probing = (
  probe: Effect.Effect<unknown, AiError.AiError | InvestigatorError>
): Effect.Effect<void, InvestigatorError> =>
  probe.pipe(
    Effect.mapError((error) =>
      error._tag === "InvestigatorError" ? error : toInvestigatorError("llm", error.reason, { tokens: 0, limit: 0 })
    ),
    TimeLimit.within(new TimeLimit.Excuses(), "5 seconds", (isExcused) =>
      Effect.fail(
        new InvestigatorError({
          investigator: "llm",
          reason: { _tag: "Timeout" },
          retryable: false,
          countsAsFailure: !isExcused
        })
      )
    ),
    Effect.asVoid
  )

/** Fails after the time for a first sign, if there was none. */
const leftIfSilent = (
  excuses: TimeLimit.Excuses,
  hasSaidSomething: () => boolean
): Effect.Effect<never, AiError.AiError> =>
  Effect.never.pipe(
    TimeLimit.within(excuses, defaultPatience.firstSignMs, (isExcused) =>
      hasSaidSomething()
        ? Effect.never
        : Effect.fail(
            fail(
              new AiError.InternalProviderError({
                description: "no sign of life",
                metadata: silentMetadata(isExcused)
              })
            )
          )
    )
  )

const refusalText = "I cannot help with that."

export class LanguageModelProvider {
  readonly service: ModelService
  readonly layer: Layer.Layer<LanguageModel.LanguageModel>
  /** Succeeds when the provider responds. */
  readonly probe: Effect.Effect<void, InvestigatorError>
  private readonly observations: Setting["observations"]

  constructor(setting: Setting, cluster: Cluster, provider: string) {
    this.observations = setting.observations
    const service = new ModelService(setting, cluster, `llm:${provider}`)
    this.service = service
    const excuses = new TimeLimit.Excuses()
    const exchange = (
      purpose: "work" | "probe",
      reply: (begun: () => void) => Effect.Effect<Reply>,
      asked = ""
    ): Effect.Effect<Answered, AiError.AiError> =>
      Effect.suspend(() => {
        let hasSaidSomething = false
        const begun = () => {
          hasSaidSomething = true
        }
        return service.link.carry(
          { purpose, judge },
          passage,
          Effect.flatMap(
            // A client that goes away does not take back what the model has read.
            Effect.onInterrupt(
              Effect.suspend(() => reply(begun)),
              () =>
                hasSaidSomething && purpose === "work" ? this.count(countedFor(asked, ""), false, false) : Effect.void
            ),
            (made) => {
              begun()
              return Effect.flatMap(this.counted(purpose, asked, made), (counted) =>
                arriving(
                  Effect.map(textOf(made), (text): Answered => ({ reply: made, text, ...counted })),
                  service.link.body
                )
              )
            }
          ),
          (call) =>
            Effect.raceFirst(
              Effect.tap(call, () => Effect.sync(() => excuses.responded())),
              leftIfSilent(excuses, () => hasSaidSomething)
            )
        )
      })

    this.layer = Layer.effect(
      LanguageModel.LanguageModel,
      asking((asked) => exchange("work", (begun) => service.ask(asked, begun), asked))
    )
    this.probe = probing(exchange("probe", () => service.ping))
  }

  /** Counts what a reply has cost, and says what its response tells of that. */
  private counted(purpose: "work" | "probe", asked: string, reply: Reply): Effect.Effect<Pick<Answered, "counted">> {
    if (purpose === "probe" || (reply._tag !== "Text" && reply._tag !== "Refusal")) return Effect.succeed({})
    const counted = countedFor(asked, reply._tag === "Text" ? reply.text : refusalText)
    const isTold = reply._tag === "Text" && reply.hidesCost !== true
    return Effect.as(this.count(counted, true, isTold), isTold ? { counted } : {})
  }

  private count(tokens: Counted, isAll: boolean, isTold: boolean): Effect.Effect<void> {
    const { observations } = this
    const { peer } = this.service.link
    return Effect.withFiber((fiber) =>
      Effect.sync(() =>
        observations.publish({ _tag: "ModelCounted", peer, work: {}, ...attemptOf(fiber), tokens, isAll, isTold })
      )
    )
  }
}

/** Whether both providers are used with one key, and share an account. Drawn for each run. */
export const sharesAccount = ({ world }: Pick<Setting, "world">): boolean => world.random("accounts").chance(0.5)

export class LanguageModels implements FarEnd {
  readonly name = "languageModels"
  readonly alpha: LanguageModelProvider
  readonly beta: LanguageModelProvider

  constructor(setting: Setting, cluster: Cluster) {
    this.alpha = new LanguageModelProvider(setting, cluster, "alpha")
    this.beta = new LanguageModelProvider(setting, cluster, "beta")
  }
}
