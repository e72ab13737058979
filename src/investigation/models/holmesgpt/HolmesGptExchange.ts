/**
 * One request to HolmesGPT, and its response while it arrives.
 *
 * | HolmesGPT                                       | result                                               |
 * | ----------------------------------------------- | ---------------------------------------------------- |
 * | shows no sign of work within `firstSign`        | `Silent`                                             |
 * | streams                                         | its answer, however long it takes                    |
 * | closes or ends the stream without an answer     | `Unavailable`, or the answer if it has come as whole |
 * | makes the same tool call again and again        | `ToolLoop`; the stream is closed, which stops it     |
 * | responds with a whole JSON body                 | its answer                                           |
 * | is older than streaming, by its own description | waited for without a first sign                      |
 *
 * A server that streams sends the head of its response at once, and the first event when its model has replied for the
 * first time. So the head is no sign of work, nor is a comment of a gateway that keeps the connection open. One that
 * cannot stream sends nothing until its answer is complete, and would count as silent. So a server of which neither is
 * known yet is asked for the description of its API when half of the time has passed. Only such a description, or a
 * whole response of this API, shows that a server cannot stream: the page of a gateway shows nothing about the server
 * behind it. There is no limit between two events: one tool call may take a minute, and the deadline of the hop bounds
 * the whole.
 */

import { Clock, Deferred, Effect, Option, Result, Stream } from "effect"
import { Sse } from "effect/encoding"
import { type HttpClient, HttpClientError, type HttpClientRequest, type HttpClientResponse } from "effect/http"
import * as Monotonic from "../../../resilience/Monotonic.ts"
import type { Excuses } from "../../../resilience/TimeLimit.ts"
import type { InvestigatorError } from "../../Investigator.ts"
import type { Finding } from "../../PartialFindings.ts"
import type { ReportedUsage } from "../../spend/ModelUsage.ts"
import { isUnsent } from "../../spend/Unsent.ts"
import { SignOfWork } from "../SignOfWork.ts"
import {
  badRequest,
  brokenOff,
  type Circumstances,
  disconnected,
  errorOfEvent,
  errorOfResponse,
  failure,
  invalid,
  otherApi,
  refused,
  type RequestSize,
  toolLoop
} from "./HolmesGptFailure.ts"
import { answerIn, type Ending, HolmesGptProgress } from "./HolmesGptProgress.ts"

/** What is known about one server. */
export interface Server {
  readonly client: HttpClient.HttpClient
  /** Without a slash at its end. */
  readonly base: string
  readonly firstSignMs: number
  readonly maxBytes: number
  /** Whether it streams; `undefined` until that is known. */
  streams: boolean | undefined
  readonly excuses: Excuses
}

/** One question. */
export interface Question {
  readonly request: HttpClientRequest.HttpClientRequest
  readonly size: RequestSize
  /** The text of the request, which an error may quote. Default: none. */
  readonly sent?: string
  readonly onFinding: (finding: Finding) => void
  readonly onUsage?: (usage: ReportedUsage) => void
  /** Called when a part of a response shows that the server works. */
  readonly onSign?: () => void
}

type Response = HttpClientResponse.HttpClientResponse

const tooLong = invalid("the response is too long")

/** The most that is read of a body that only says why it is none. */
const errorBodyBytes = 65_536
/** The time for that, and for the end of a stream after its answer, without which its connection is not used again. */
const errorBodyTime = "2 seconds"
const endOfStreamTime = "100 millis"
const descriptionBytes = 2 * 1024 * 1024

/** Reads a body as text, in parts. Fails as soon as it exceeds the limit. */
const readText = (
  response: Response,
  maxBytes: number,
  onText: (text: string) => InvestigatorError | undefined
): Effect.Effect<void, HttpClientError.HttpClientError | InvestigatorError> =>
  Effect.suspend(() => {
    const decoder = new TextDecoder()
    let bytes = 0
    return Stream.runForEach(response.stream, (chunk) => {
      bytes += chunk.length
      const problem = bytes > maxBytes ? tooLong : onText(decoder.decode(chunk, { stream: true }))
      return problem === undefined ? Effect.void : Effect.fail(problem)
    })
  })

/** As much of a body as comes in time. An unread body would block its connection from reuse. */
export const readSome = (response: Response, maxBytes = errorBodyBytes): Effect.Effect<string> =>
  Effect.suspend(() => {
    let text = ""
    return readText(response, maxBytes, (part) => void (text += part)).pipe(
      Effect.timeoutOption(errorBodyTime),
      Effect.ignore,
      Effect.map(() => text)
    )
  })

const isStream = (response: Response): boolean =>
  (response.headers["content-type"] ?? "").toLowerCase().includes("text/event-stream")

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (Reflect.get(value, name) as unknown) : undefined

/** Whether requests may ask for a stream, by a server's OpenAPI description; `undefined` if it does not say so. */
export const streamsBy = (description: string): boolean | undefined => {
  try {
    const properties = ["components", "schemas", "ChatRequest", "properties"].reduce<unknown>(
      fieldOf,
      JSON.parse(description)
    )
    return typeof properties === "object" && properties !== null ? "stream" in properties : undefined
  } catch {
    return undefined
  }
}

const described = ({ base, client }: Server): Effect.Effect<boolean | undefined> =>
  client.get(`${base}/openapi.json`).pipe(
    Effect.flatMap((response) => Effect.map(readSome(response, descriptionBytes), (text) => ({ response, text }))),
    Effect.map(({ response, text }) => (response.status === 200 ? streamsBy(text) : undefined)),
    Effect.orElseSucceed(() => undefined)
  )

/** One exchange, from the request to the end of its response. */
class Exchange {
  private readonly server: Server
  private readonly question: Question
  private readonly progress: HolmesGptProgress
  private startedMs = 0
  private hasSign = false

  constructor(server: Server, question: Question) {
    this.server = server
    this.question = question
    this.progress = new HolmesGptProgress(question.onFinding, question.onUsage)
  }

  /** The text of the answer. */
  readonly run: Effect.Effect<string | null, InvestigatorError> = Effect.suspend(() =>
    Effect.flatMap(Monotonic.nowMs, (nowMs) => {
      this.startedMs = nowMs
      // Its time begins now, and not while the call was reserved.
      this.question.onSign?.()
      return Effect.raceFirst(this.answer, this.silence)
    })
  )

  private readonly circumstances: Effect.Effect<Circumstances> = Effect.map(Monotonic.nowMs, (nowMs) => ({
    size: this.question.size,
    quotable: [this.question.sent ?? "", ...this.progress.texts].join("\n"),
    isEarly: !this.progress.hasWorked && nowMs - this.startedMs < this.server.firstSignMs
  }))

  private failed(of: (circumstances: Circumstances) => InvestigatorError): Effect.Effect<never, InvestigatorError> {
    return Effect.flatMap(this.circumstances, (circumstances) => Effect.fail(of(circumstances)))
  }

  private readonly unreached = ({ reason }: HttpClientError.HttpClientError): Effect.Effect<never, InvestigatorError> =>
    reason._tag === "InvalidUrlError" || reason._tag === "EncodeError"
      ? Effect.fail(badRequest(true))
      : this.failed(({ isEarly }) => disconnected(isEarly, isUnsent(reason)))

  /** Its server was reached: the head of a response has come. */
  private readonly broken = Effect.suspend(() => this.failed(({ isEarly }) => brokenOff(isEarly)))

  /** Fails with `Silent` in time; never ends after a sign. */
  private readonly silence: Effect.Effect<never, InvestigatorError> = Effect.suspend(() => {
    const { server } = this
    const halfMs = server.firstSignMs / 2
    const ask = Effect.suspend(() =>
      this.hasSign || server.streams !== undefined
        ? Effect.void
        : Effect.map(Effect.timeoutOption(described(server), halfMs), (found) => {
            server.streams ??= Option.getOrUndefined(found)
          })
    )
    return Effect.gen({ self: this }, function* () {
      yield* Effect.sleep(halfMs)
      yield* ask
      const dueMs = this.startedMs + server.firstSignMs
      yield* Effect.sleep(Math.max(0, dueMs - (yield* Monotonic.nowMs)))
      if (this.hasSign || server.streams === false) return yield* Effect.never
      const isExcused = server.excuses.excuse({ dueMs, endedMs: yield* Monotonic.nowMs })
      return yield* failure({ _tag: "Silent" }, false, !isExcused)
    })
  })

  private readonly answer: Effect.Effect<string | null, InvestigatorError> = Effect.suspend(() =>
    Effect.matchEffect(this.server.client.execute(this.question.request), {
      onFailure: this.unreached,
      onSuccess: (response) => {
        if (response.status !== 200) return this.rejected(response)
        if (!isStream(response)) return this.whole(response)
        this.server.streams = true
        return this.streamed(response)
      }
    })
  )

  private hasShown(isSign: boolean): void {
    if (!isSign) return
    this.hasSign = true
    this.server.excuses.responded()
    this.question.onSign?.()
  }

  private rejected(response: Response): Effect.Effect<never, InvestigatorError> {
    this.hasShown(true)
    const { date, "retry-after": retryAfter } = response.headers
    return Effect.flatMap(Effect.zip(readSome(response), Clock.currentTimeMillis), ([body, nowMs]) =>
      this.failed((circumstances) =>
        errorOfResponse({ status: response.status, body, retryAfter, received: { date, nowMs } }, circumstances)
      )
    )
  }

  private whole(response: Response): Effect.Effect<string | null, InvestigatorError> {
    let text = ""
    const sign = new SignOfWork(false)
    const read = readText(response, this.server.maxBytes, (part) => {
      this.hasShown(sign.isIn(part))
      text += part
      return undefined
    })
    return Effect.flatMap(Effect.result(read), (result) => {
      const found = answerIn(text)
      this.progress.takeWhole(text)
      if (found !== undefined) {
        this.server.streams = false
        return this.ofEnding(found, result)
      }
      return this.withoutAnswer(result, () => Effect.fail(otherApi("the response is not a chat response")))
    })
  }

  private streamed(response: Response): Effect.Effect<string | null, InvestigatorError> {
    return Effect.gen({ self: this }, function* () {
      let ending: Ending | undefined
      const ended = yield* Deferred.make<void>()
      const parser = Sse.makeParser(
        (event) => {
          if (event._tag !== "Event" || ending !== undefined) return
          ending = this.progress.take(event)
          if (ending !== undefined) Deferred.doneUnsafe(ended, Effect.void)
        },
        { maxEventSize: this.server.maxBytes }
      )
      const sign = new SignOfWork(true)
      const read = readText(response, this.server.maxBytes, (part) => {
        this.hasShown(sign.isIn(part))
        return parser.feed(part) !== undefined ? tooLong : this.loopIn(ending)
      })
      const enough = Effect.andThen(Deferred.await(ended), Effect.sleep(endOfStreamTime))
      const result = yield* Effect.result(Effect.raceFirst(read, enough))
      // The end of a stream may lack the empty line that completes its last event.
      parser.feed("\n\n")
      return yield* this.ofEnding(ending, result)
    })
  }

  // Only to go away makes it stop.
  private loopIn(ending: Ending | undefined): InvestigatorError | undefined {
    return ending?._tag === "ToolLoop" ? toolLoop() : undefined
  }

  private ofEnding(
    ending: Ending | undefined,
    result: Result.Result<void, HttpClientError.HttpClientError | InvestigatorError>
  ): Effect.Effect<string | null, InvestigatorError> {
    switch (ending?._tag) {
      case undefined:
        return this.withoutAnswer(result, () => this.broken)
      case "Answer":
        return Effect.succeed(ending.analysis)
      case "CutOff":
        return Effect.fail(invalid("the answer was cut off"))
      case "Filtered":
        return Effect.fail(refused())
      case "Error":
        return this.failed((circumstances) => errorOfEvent(ending, circumstances))
      case "ApprovalRequired":
        return Effect.fail(invalid("a tool waits for an approval"))
      case "ToolLoop":
        return Effect.fail(toolLoop())
    }
  }

  private withoutAnswer(
    result: Result.Result<void, HttpClientError.HttpClientError | InvestigatorError>,
    complete: () => Effect.Effect<never, InvestigatorError>
  ): Effect.Effect<never, InvestigatorError> {
    if (Result.isSuccess(result)) return complete()
    return HttpClientError.isHttpClientError(result.failure) ? this.broken : Effect.fail(result.failure)
  }
}

/** Asks the server, and returns the text of its answer; `null` when its model said nothing. */
export const exchange = (server: Server, question: Question): Effect.Effect<string | null, InvestigatorError> =>
  Effect.suspend(() => new Exchange(server, question).run)
