/**
 * The real peers of a running service, wrapped in the same faults as the simulated ones.
 *
 * A request reaches the real peer wherever the fault lets it through: a write whose response is lost has happened. With
 * no active fault, a request passes unchanged.
 */

import { Effect, Stream } from "effect"
import type { AiError, LanguageModel } from "effect/ai"
import { type Headers, HttpClient, HttpClientError, type HttpClientRequest, type HttpClientResponse } from "effect/http"
import type { InvestigatorError } from "../../investigation/Investigator.ts"
import type { KubernetesClient } from "../../kubernetes/KubernetesClient.ts"
import * as HolmesGpt from "../farEnds/HolmesGpt.ts"
import * as LanguageModels from "../farEnds/LanguageModels.ts"
import { targetIn } from "../farEnds/ModelService.ts"
import { carried, type ClusterPath } from "../farEnds/paths/ClusterPath.ts"
import { type ModelFault, ModelPath, type Question, type Reply } from "../farEnds/paths/ModelPath.ts"
import { NetworkPath } from "../farEnds/paths/NetworkPath.ts"

type Client = KubernetesClient["Service"]

/** The path to one model. */
export class ModelPaths {
  readonly link = new NetworkPath()
  readonly model = new ModelPath()

  disturb(fault: ModelFault): () => void {
    return this.model.disturb(fault)
  }

  get isClear(): boolean {
    return this.link.isClear && this.model.isClear
  }
}

/** A cluster behind faults. */
export const cluster = (path: ClusterPath, client: Client): Client =>
  carried(client, (request, server) => Effect.suspend(() => path.disturbed(request, server)))

/** The bound of the investigator, which reports a longer body itself. */
const maxBodyBytes = 8 * 1024 * 1024

const bodyOf = (request: HttpClientRequest.HttpClientRequest, response: HttpClientResponse.HttpClientResponse) => {
  const decoder = new TextDecoder()
  let bytes = 0
  return Stream.runFoldEffect(
    response.stream,
    () => "",
    (text, chunk) => {
      bytes += chunk.length
      return bytes > maxBodyBytes
        ? Effect.fail(
            new HttpClientError.HttpClientError({
              reason: new HttpClientError.DecodeError({ request, response, description: "the body is too long" })
            })
          )
        : Effect.succeed(text + decoder.decode(chunk, { stream: true }))
    }
  )
}

const analysisIn = (body: string): string | undefined => {
  try {
    const parsed: unknown = JSON.parse(body)
    const analysis =
      typeof parsed === "object" && parsed !== null ? (Reflect.get(parsed, "analysis") as unknown) : undefined
    return typeof analysis === "string" ? analysis : undefined
  } catch {
    return undefined
  }
}

interface Passed {
  readonly reply: Reply
  readonly message: HolmesGpt.Message
}

const passed = (status: number, headers: Headers.Headers, body: string): Passed => {
  const retryAfter = headers["retry-after"]
  const wait = retryAfter === undefined ? {} : { retryAfter }
  const analysis = status === 200 ? analysisIn(body) : undefined
  return {
    reply:
      analysis === undefined ? { _tag: "Status", status, ...wait } : { _tag: "Text", text: analysis, worth: "good" },
    message: { status, body, ...wait, worth: "neither" }
  }
}

/** HolmesGPT's API behind faults. */
export const holmesgpt = (paths: ModelPaths, client: HttpClient.HttpClient): HttpClient.HttpClient =>
  HttpClient.transform(client, (real, request) =>
    Effect.suspend(() => {
      if (paths.isClear) return real
      const isChat = request.method === "POST"
      const text = isChat ? HolmesGpt.whole(HolmesGpt.askedIn(request)) : ""
      let answer: Passed | undefined
      const asked: Effect.Effect<Reply, HttpClientError.HttpClientError> = Effect.flatMap(real, (response) =>
        Effect.map(bodyOf(request, response), (body) => {
          answer = passed(response.status, response.headers, body)
          return answer.reply
        })
      )
      const question: Question = {
        purpose: isChat ? "work" : "probe",
        text,
        target: isChat ? targetIn(text) : undefined
      }
      const answered = Effect.flatMap(paths.model.disturbed(question, asked), (made) =>
        // A response that no fault has changed passes unchanged.
        HolmesGpt.arriving(
          answer !== undefined && made === answer.reply ? answer.message : HolmesGpt.messageOf(made),
          paths.link.body
        )
      )
      return Effect.map(
        paths.link.disturbed(answered, HolmesGpt.passageOf(request)),
        ({ message, share }) => new HolmesGpt.Response(request, message, share)
      )
    })
  )

/** A language model behind faults. Methods that no investigation uses are not wrapped. */
export const languageModel = (paths: ModelPaths, model: LanguageModel.LanguageModel): LanguageModel.LanguageModel => {
  interface Asked {
    readonly value: unknown
  }
  type Ask = (model: LanguageModel.LanguageModel, options: unknown) => Effect.Effect<Asked, AiError.AiError>
  // Its types relate the schema to the answer; here both pass unchanged.
  const ask: Ask = (it, options) =>
    (it.generateObject as unknown as (options: unknown) => Effect.Effect<Asked, AiError.AiError>)(options)
  const generateObject = (options: { readonly prompt: unknown }): Effect.Effect<Asked, AiError.AiError> =>
    Effect.suspend(() => {
      if (paths.isClear) return ask(model, options)
      const text = LanguageModels.textOfPrompt(options.prompt as never)
      let real: { readonly reply: Reply; readonly response: Asked } | undefined
      const asked: Effect.Effect<Reply, AiError.AiError> = Effect.map(ask(model, options), (response) => {
        real = { reply: { _tag: "Text", text: JSON.stringify(response.value), worth: "good" }, response }
        return real.reply
      })
      const answered = Effect.flatMap(
        paths.model.disturbed({ purpose: "work", text, target: targetIn(text) }, asked),
        (made) =>
          LanguageModels.arriving(
            real !== undefined && made === real.reply
              ? Effect.succeed(real.response)
              : // Decoded as if the model itself had returned it.
                Effect.flatMap(LanguageModels.saying(LanguageModels.textOf(made)), (it) => ask(it, options)),
            paths.link.body
          )
      )
      return paths.link.disturbed(answered, LanguageModels.passage)
    })
  return { ...model, generateObject: generateObject as unknown as LanguageModel.LanguageModel["generateObject"] }
}

/** The probe of a language model, behind faults. */
export const probe = (
  paths: ModelPaths,
  real: Effect.Effect<void, InvestigatorError>
): Effect.Effect<void, InvestigatorError> =>
  Effect.suspend(() => {
    if (paths.isClear) return real
    type Failure = AiError.AiError | InvestigatorError
    const pong: Reply = { _tag: "Text", text: "", worth: "good" }
    const said = paths.model.disturbed<Failure>(
      { purpose: "probe", text: "", target: undefined },
      Effect.as(real, pong)
    )
    const answered: Effect.Effect<string, Failure> = Effect.flatMap(said, LanguageModels.textOf)
    return LanguageModels.probing(paths.link.disturbed(answered, LanguageModels.passage))
  })
