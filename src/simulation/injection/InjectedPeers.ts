/**
 * The real peers of a running service, wrapped in the same faults as the simulated ones.
 *
 * A request reaches the real peer wherever the fault lets it through: a write whose response is lost has happened. With
 * no active fault, a request passes unchanged.
 */

import { Effect, Stream } from "effect"
import type { AiError, LanguageModel } from "effect/ai"
import { HttpClient, HttpClientError, type HttpClientRequest, type HttpClientResponse } from "effect/http"
import type { InvestigatorError } from "../../investigation/Investigator.ts"
import type { KubernetesClient } from "../../kubernetes/KubernetesClient.ts"
import { askedIn, converse, delivered, passageOf, type Sender, whole } from "../farEnds/HolmesGptConversation.ts"
import { type Message, messageOf } from "../farEnds/HolmesGptMessage.ts"
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

type Response = HttpClientResponse.HttpClientResponse

/** A response of the real server: what the faults see of it, and itself. */
interface Passed {
  readonly reply: Reply
  readonly message: Message
}

/** The body as text, in parts. */
const readBody = (
  request: HttpClientRequest.HttpClientRequest,
  response: Response,
  onText: (text: string) => void
): Effect.Effect<void, HttpClientError.HttpClientError> => {
  const decoder = new TextDecoder()
  let bytes = 0
  return Stream.runForEach(response.stream, (chunk) => {
    bytes += chunk.length
    if (bytes > maxBodyBytes)
      return Effect.fail(
        new HttpClientError.HttpClientError({
          reason: new HttpClientError.DecodeError({ request, response, description: "the body is too long" })
        })
      )
    onText(decoder.decode(chunk, { stream: true }))
    return Effect.void
  })
}

const analysisIn = (json: string): string | undefined => {
  try {
    const parsed: unknown = JSON.parse(json)
    const analysis =
      typeof parsed === "object" && parsed !== null ? (Reflect.get(parsed, "analysis") as unknown) : undefined
    return typeof analysis === "string" ? analysis : undefined
  } catch {
    return undefined
  }
}

const passedOf = (response: Response, body: string, analysis: string | undefined): Passed => {
  const { status } = response
  const retryAfter = response.headers["retry-after"]
  const wait = retryAfter === undefined ? {} : { retryAfter }
  const contentType = isStream(response) ? "text/event-stream" : "application/json"
  return {
    reply:
      status !== 200 || analysis === undefined
        ? { _tag: "Status", status, ...wait }
        : { _tag: "Text", text: analysis, worth: "good" },
    message: { status, contentType, body, ...wait, worth: "neither" }
  }
}

const isStream = ({ headers }: Response): boolean => (headers["content-type"] ?? "").includes("text/event-stream")

const answerEvent = /^event: ?ai_answer_end\r?\ndata: ?(.*)/

/** Sends each event of a stream on as it comes, except the answer, which a fault may replace. */
const passStream = (
  request: HttpClientRequest.HttpClientRequest,
  response: Response,
  sender: Sender
): Effect.Effect<Passed, HttpClientError.HttpClientError> =>
  Effect.suspend(() => {
    let pending = ""
    const read = readBody(request, response, (text) => {
      const events = (pending + text).split("\n\n")
      pending = events.pop() ?? ""
      for (const event of events)
        if (answerEvent.test(event)) pending = `${event}\n\n${pending}`
        else sender.send(`${event}\n\n`)
    })
    return Effect.map(read, () => passedOf(response, pending, analysisIn(answerEvent.exec(pending)?.[1] ?? "")))
  })

const passWhole = (
  request: HttpClientRequest.HttpClientRequest,
  response: Response
): Effect.Effect<Passed, HttpClientError.HttpClientError> =>
  Effect.suspend(() => {
    let body = ""
    return Effect.map(
      readBody(request, response, (text) => void (body += text)),
      () => passedOf(response, body, analysisIn(body))
    )
  })

/** HolmesGPT's API behind faults. */
export const holmesgpt = (paths: ModelPaths, client: HttpClient.HttpClient): HttpClient.HttpClient =>
  HttpClient.transform(client, (real, request) =>
    Effect.suspend(() => {
      if (paths.isClear) return real
      const isChat = request.method === "POST"
      const text = isChat ? whole(askedIn(request)) : ""
      const question: Question = {
        purpose: isChat ? "work" : "probe",
        text,
        target: isChat ? targetIn(text) : undefined
      }
      return converse(request, (sender) => {
        let answer: Passed | undefined
        const asked: Effect.Effect<Reply, HttpClientError.HttpClientError> = Effect.flatMap(real, (response) =>
          Effect.map(
            isStream(response) ? passStream(request, response, sender) : passWhole(request, response),
            (passed) => {
              answer = passed
              return passed.reply
            }
          )
        )
        const answered = Effect.flatMap(paths.model.disturbed(question, asked), (made) =>
          // A response that no fault has changed passes unchanged.
          delivered(
            sender,
            answer !== undefined && made === answer.reply ? answer.message : messageOf(made, sender.isStreaming()),
            paths.link.body
          )
        )
        return paths.link.disturbed(answered, passageOf(request))
      })
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
