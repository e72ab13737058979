/**
 * Reads the response of a model while it arrives, so that a provider whose model does nothing is noticed early.
 *
 * | the provider                             | result                                          |
 * | ---------------------------------------- | ----------------------------------------------- |
 * | shows no sign of work within `firstSign` | `silent`                                        |
 * | sends nothing for `stall` in the middle  | what has arrived                                |
 * | closes the connection in the middle      | what has arrived                                |
 * | ignores that a stream was asked for      | the whole body, if it begins within `firstSign` |
 * | sends an event that is no JSON           | a hole, unless it is the last, which is cut off |
 *
 * Of a stream, the first event of the model's own work is the sign, or an error: the module of the provider knows them.
 * Servers send other events before the model has begun, and to keep the connection open: a role, the result of a
 * filter, `ping`. After the first sign they count, and so do comments, because a model that has begun may think: the
 * deadline of the hop bounds that. Of a whole body, `SignOfWork` knows the sign.
 *
 * A connection that breaks before anything has come is an error, which is worth another attempt. One that breaks later
 * is not: the answer was begun, and paid for, and another one costs as much.
 *
 * What has arrived may be a whole answer: the provider's module judges it by its content, not by its terminator. One
 * with a hole is never taken: what is missing may be a digit of a number, and the rest reads like a whole answer.
 */

import { Effect } from "effect"
import { Sse } from "effect/encoding"
import * as Monotonic from "../../../resilience/Monotonic.ts"
import * as TimeLimit from "../../../resilience/TimeLimit.ts"
import { SignOfWork } from "../SignOfWork.ts"

/** How long to wait for a provider. */
export interface Patience {
  /** Until the first sign of work in the body. */
  readonly firstSignMs: number
  /** Between two parts of the body. */
  readonly stallMs: number
}

/** How long, and how often a wait that has ended late is excused: for the head of a response, and for its body. */
export interface Waiting extends Patience {
  readonly excuses: { readonly head: TimeLimit.Excuses; readonly body: TimeLimit.Excuses }
}

/**
 * The defaults. An embedder, or the setting `firstSign` of a provider, allows more for a model whose thoughts are not
 * sent, or that needs longer to read a prompt.
 */
export const defaultPatience: Patience = { firstSignMs: 10_000, stallMs: 20_000 }

/** What has arrived. */
export type Arrived =
  | { readonly _tag: "Whole"; readonly text: string; readonly isCut: boolean }
  /** The JSON values of the stream's events, in order. `hasWork`: the model has written something, or has finished. */
  | {
      readonly _tag: "Events"
      readonly events: ReadonlyArray<unknown>
      readonly hasHole: boolean
      readonly hasWork: boolean
    }

/** What the events of a provider's stream show. */
export interface Signs {
  /** Whether the model has written something by this event, or has finished. */
  readonly isWork: (event: unknown) => boolean
  readonly isError: (event: unknown) => boolean
}

/** The provider has shown no sign of work. */
export interface Silent {
  readonly _tag: "Silent"
  /** It says nothing about the provider (`TimeLimit`). */
  readonly isExcused: boolean
}

const isSilent = (error: unknown): error is Silent =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "Silent"

const failSilent = (isExcused: boolean) => Effect.fail<Silent>({ _tag: "Silent", isExcused })

const isStream = (response: Response): boolean =>
  (response.headers.get("content-type") ?? "").toLowerCase().includes("text/event-stream")

const maxEventSize = 4 * 1024 * 1024

/** Takes the events of a stream, part by part. Comments and names of events say nothing that the data does not. */
class EventReader {
  private readonly signs: Signs
  private readonly parser: Sse.Parser
  private readonly events: Array<unknown> = []
  private isBroken = false
  private hasHole = false
  private hasWork = false
  private hasSign = false

  constructor(signs: Signs) {
    this.signs = signs
    this.parser = Sse.makeParser((event) => (event._tag === "Event" ? this.take(event.data) : undefined), {
      maxEventSize
    })
  }

  /** Takes the next part, and says whether there was a sign of work in it or before. */
  isIn(part: string): boolean {
    this.parser.feed(part)
    return this.hasSign
  }

  /** Any event begins the answer: the server has taken the request, which may have to be paid for. */
  get hasBegun(): boolean {
    return this.events.length > 0
  }

  /** All events, once nothing follows. A stream may end without the empty line that completes its last event. */
  end(): Arrived {
    this.parser.feed("\n\n")
    const { events, hasHole, hasWork } = this
    return { _tag: "Events", events, hasHole, hasWork }
  }

  private take(data: string): void {
    this.hasHole ||= this.isBroken
    if (data.trim() === "[DONE]") return
    try {
      const event: unknown = JSON.parse(data)
      this.events.push(event)
      this.hasWork ||= this.signs.isWork(event)
      this.hasSign ||= this.hasWork || this.signs.isError(event)
    } catch {
      this.isBroken = true
    }
  }
}

interface Body {
  readonly text: string
  readonly ended: "done" | "stalled" | "broken"
}

/** Takes each part of a body, and says whether there is a sign of work in it. */
interface Reader {
  readonly isIn: (part: string) => boolean
  /** Whether something of the answer has come, with or without a sign. */
  readonly hasBegun?: boolean
}

const readBody = <E>(
  response: Response,
  sign: Reader,
  { excuses, firstSignMs, stallMs }: Waiting,
  broken: (error: unknown) => E
): Effect.Effect<Body, E | Silent> =>
  Effect.gen(function* () {
    const reader = response.body?.getReader()
    if (reader === undefined) return { text: "", ended: "done" }
    const decoder = new TextDecoder()
    let text = ""
    let hasSign = false
    /** Takes the next part, and says whether the body has ended. */
    const take = Effect.map(Effect.tryPromise({ try: () => reader.read(), catch: broken }), ({ done, value }) => {
      const arrived = done ? decoder.decode() : decoder.decode(value, { stream: true })
      const isSign = sign.isIn(arrived)
      hasSign ||= isSign
      text += arrived
      return done
    })
    const begin: Effect.Effect<boolean, E> = Effect.filterOrElse(
      take,
      (isDone) => isDone || hasSign,
      () => begin
    )
    const read = Effect.gen(function* () {
      let isDone: boolean | undefined = yield* TimeLimit.within(excuses.body, firstSignMs, failSilent)(begin)
      while (isDone === false) isDone = yield* TimeLimit.within(excuses.body, stallMs, () => Effect.undefined)(take)
      return { text, ended: isDone === undefined ? "stalled" : "done" } as const
    })
    return yield* read.pipe(
      Effect.catchIf(
        (error): error is E => !isSilent(error) && (hasSign || sign.hasBegun === true),
        () => Effect.succeed({ text, ended: "broken" } as const)
      ),
      Effect.ensuring(Effect.promise(() => reader.cancel().catch(() => undefined)))
    )
  })

/**
 * Makes the request and reads its response. `failed` maps what the request, or reading, has thrown; reading with the
 * status of the response. `signs`: what its events show, if it is a stream. The signal aborts the request when the
 * effect is interrupted, or the provider stays silent.
 */
export const collect = <E>(
  request: (signal: AbortSignal) => Promise<Response>,
  patience: Waiting,
  failed: (error: unknown, status?: number) => E,
  signs: Signs
): Effect.Effect<Arrived, E | Silent> =>
  Effect.gen(function* () {
    const sentMs = yield* Monotonic.nowMs
    const response = yield* Effect.tryPromise({ try: request, catch: (error) => failed(error) }).pipe(
      TimeLimit.within(patience.excuses.head, patience.firstSignMs, failSilent)
    )
    const left = Math.max(1, patience.firstSignMs - ((yield* Monotonic.nowMs) - sentMs))
    const events = isStream(response) ? new EventReader(signs) : undefined
    const { ended, text } = yield* readBody(
      response,
      events ?? new SignOfWork(false),
      { ...patience, firstSignMs: left },
      (error) => failed(error, response.status)
    )
    return events?.end() ?? { _tag: "Whole", text, isCut: ended !== "done" }
  })
