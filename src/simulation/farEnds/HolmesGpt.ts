/**
 * HolmesGPT as a service on the network: `POST /api/chat`, `GET /healthz` and the description of its HTTP API, behind
 * Effect's `HttpClient`. The real `HolmesGptInvestigator` runs on it.
 *
 * It streams: a first part when its model has replied for the first time, the result of a tool, then the answer. The
 * parts pass the same network as the answer. The API reports little about failures behind it: a refusal of its model is
 * an answer, an exhausted quota is a rate limit.
 *
 * Its key can be rotated. The file from which the service reads the key may follow later.
 */

import { Deferred, Effect, type Exit, Layer, Redacted } from "effect"
import { HttpClient, type HttpClientError, type HttpClientRequest, type HttpClientResponse } from "effect/http"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import type { CallEnding } from "../observation/Observation.ts"
import { planted } from "../observation/Secrets.ts"
import type { Cluster } from "./Cluster.ts"
import type { FarEnd, Setting } from "./FarEnd.ts"
import {
  type Answered,
  arriving,
  askedIn,
  converse,
  delivered,
  isWhole,
  passageOf,
  type Sender,
  whole
} from "./HolmesGptConversation.ts"
import { description, firstParts, healthy, messageOf, secondParts, wrongKey } from "./HolmesGptMessage.ts"
import { attemptOf } from "./Link.ts"
import { ModelService } from "./ModelService.ts"
import { type Counted, countedInSteps } from "./ModelSpend.ts"

export const url = "http://holmesgpt.simulated:5050"

type Request = HttpClientRequest.HttpClientRequest

/** How long its first tool takes. Its shortest investigation takes a little longer. */
const toolMs = 400

const judge =
  (purpose: "work" | "probe") =>
  (exit: Exit.Exit<unknown, unknown>): CallEnding => {
    if (exit._tag === "Failure") return "bad"
    const answered = exit.value as Answered
    if (purpose === "work" && !isWhole(answered)) return "bad"
    // For a probe only the status counts. The text of an alert may lead to an answer that is of no use.
    const { status, worth } = answered.message
    return purpose === "work" && status === 200 && worth === "bad" ? "neither" : worth
  }

/** Its keys, in turn. */
const keys = [planted.holmesgptKey, planted.holmesgptNextKey] as const

export class HolmesGpt implements FarEnd {
  readonly name = "holmesgpt"
  readonly service: ModelService
  readonly layer: Layer.Layer<HttpClient.HttpClient>
  /** The key in the file that the service reads. */
  readonly keyInFile: Effect.Effect<Redacted.Redacted> = Effect.sync(() => Redacted.make(keys[this.inFile]))
  private readonly world: Setting["world"]
  private readonly observations: Setting["observations"]
  private readonly steps: SeededRandom
  private key: 0 | 1 = 0
  private inFile: 0 | 1 = 0

  constructor(setting: Setting, cluster: Cluster) {
    this.world = setting.world
    this.observations = setting.observations
    this.steps = setting.world.random("steps of holmesgpt")
    this.service = new ModelService(setting, cluster, this.name)
    this.layer = Layer.succeed(
      HttpClient.HttpClient,
      HttpClient.make((request) => this.respond(request))
    )
  }

  /** Accepts another key from now on. The file has it after this time, or when the returned function is called. */
  rotateKey(fileAfterMs: number): () => void {
    this.key = this.key === 0 ? 1 : 0
    const follow = (): void => {
      this.inFile = this.key
    }
    const cancel = this.world.at(this.world.nowMs + fileAfterMs, follow)
    if (fileAfterMs === 0) follow()
    return () => {
      cancel()
      follow()
    }
  }

  private respond(
    request: Request
  ): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> {
    const { link } = this.service
    const passage = passageOf(request)
    if (request.method === "POST")
      return converse(request, (sender) =>
        link.carry({ purpose: "work", judge: judge("work") }, passage, this.chat(request, sender))
      )
    if (request.url.endsWith("/openapi.json"))
      return converse(request, () => link.pass(passage, arriving(description, link.body)))
    const ping = Effect.flatMap(this.service.ping, (reply) =>
      arriving(reply._tag === "Text" ? healthy : messageOf(reply), link.body)
    )
    return converse(request, () => link.carry({ purpose: "probe", judge: judge("probe") }, passage, ping))
  }

  private chat(request: Request, sender: Sender): Effect.Effect<Answered> {
    const { link } = this.service
    return Effect.gen({ self: this }, function* () {
      const question = whole(askedIn(request))
      const { all, first } = countedInSteps(question, this.steps)
      const attempt = yield* Effect.withFiber((fiber) => Effect.succeed(attemptOf(fiber)))
      const count = (tokens: Counted, isAll: boolean, isTold: boolean): void =>
        this.observations.publish({
          _tag: "ModelCounted",
          peer: this.name,
          work: request,
          ...attempt,
          tokens,
          isAll,
          isTold
        })
      const sent = request.headers["x-api-key"]
      // A client whose file has the new key asks again.
      if (sent !== keys[this.key])
        return yield* arriving(sent === keys[this.inFile] ? wrongKey : { ...wrongKey, worth: "neither" }, link.body)
      const begun = yield* Deferred.make<void>()
      // The network has them as it has the answer.
      const arrives = (part: string) => Effect.map(link.pass(passageOf(request), Effect.void), () => sender.send(part))
      const parts = Effect.gen(function* () {
        yield* Deferred.await(begun)
        count(first, false, true)
        yield* arrives(firstParts(first))
        yield* Effect.sleep(toolMs)
        yield* arrives(secondParts)
      })
      yield* Effect.forkChild(Effect.ignore(parts))
      const reply = yield* this.service.ask(question, () => Deferred.doneUnsafe(begun, Effect.void))
      const { body } = link
      // What follows the answer may be cut off, and with it what it has cost.
      const tells = (body.endsAfter ?? 1) === 1 && (reply._tag !== "Text" || reply.hidesCost !== true)
      if (reply._tag === "Text" || reply._tag === "Refusal") count(all, true, tells)
      return yield* delivered(sender, messageOf(reply, sender.isStreaming(), all), body)
    })
  }
}
