/**
 * Reads the response of a model while it arrives, so that a provider that says nothing is noticed early.
 *
 * | the provider                             | result                                          |
 * | ---------------------------------------- | ----------------------------------------------- |
 * | shows no sign of work within `firstSign` | `silent`                                        |
 * | sends nothing for `stall` in the middle  | what has arrived                                |
 * | closes the connection in the middle      | what has arrived                                |
 * | ignores that a stream was asked for      | the whole body, if it begins within `firstSign` |
 * | sends an event that is no JSON           | a hole, unless it is the last, which is cut off |
 *
 * `SignOfWork` says what a sign of work is: comments that keep the connection open are none. After the first one they
 * count, because a model that has begun may think: the deadline of the hop bounds that.
 *
 * A connection that breaks before anything has come is an error, which is worth another attempt. One that breaks later
 * is not: the answer was written, and paid for, and another one costs as much.
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
 * The defaults. An embedder, or the setting `firstSign` of a provider, allows more for a model that thinks before it
 * sends anything.
 */
export const defaultPatience: Patience = { firstSignMs: 10_000, stallMs: 20_000 }

/** What has arrived. */
export type Arrived =
  | { readonly _tag: "Whole"; readonly text: string; readonly isCut: boolean }
  /** The JSON values of the stream's events, in order. */
  | { readonly _tag: "Events"; readonly events: ReadonlyArray<unknown>; readonly hasHole: boolean }

/** The provider has sent nothing at all. */
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

/** Comments and names of events say nothing that the data does not. */
const maxEventSize = 4 * 1024 * 1024

const eventsIn = (text: string): Extract<Arrived, { readonly _tag: "Events" }> => {
  const events: Array<unknown> = []
  let hasHole = false
  let isBroken = false
  const parser = Sse.makeParser(
    (event) => {
      if (event._tag !== "Event") return
      hasHole ||= isBroken
      if (event.data.trim() === "[DONE]") return
      try {
        events.push(JSON.parse(event.data))
      } catch {
        isBroken = true
      }
    },
    { maxEventSize }
  )
  // A stream may end without the empty line that completes its last event.
  parser.feed(`${text}\n\n`)
  return { _tag: "Events", events, hasHole }
}

interface Body {
  readonly text: string
  readonly ended: "done" | "stalled" | "broken"
}

const readBody = <E>(
  response: Response,
  { excuses, firstSignMs, stallMs }: Waiting,
  broken: (error: unknown) => E
): Effect.Effect<Body, E | Silent> =>
  Effect.gen(function* () {
    const reader = response.body?.getReader()
    if (reader === undefined) return { text: "", ended: "done" }
    const decoder = new TextDecoder()
    const sign = new SignOfWork(isStream(response))
    let text = ""
    let hasSign = false
    /** Takes the next part, and says whether the body has ended. */
    const take = Effect.map(Effect.tryPromise({ try: () => reader.read(), catch: broken }), ({ done, value }) => {
      const arrived = done ? decoder.decode() : decoder.decode(value, { stream: true })
      hasSign ||= sign.isIn(arrived)
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
        (error): error is E => !isSilent(error) && hasSign,
        () => Effect.succeed({ text, ended: "broken" } as const)
      ),
      Effect.ensuring(Effect.promise(() => reader.cancel().catch(() => undefined)))
    )
  })

/**
 * Makes the request and reads its response. `failed` maps what the request, or reading, has thrown; reading with the
 * status of the response. The signal aborts the request when the effect is interrupted, or the provider stays silent.
 */
export const collect = <E>(
  request: (signal: AbortSignal) => Promise<Response>,
  patience: Waiting,
  failed: (error: unknown, status?: number) => E
): Effect.Effect<Arrived, E | Silent> =>
  Effect.gen(function* () {
    const sentMs = yield* Monotonic.nowMs
    const response = yield* Effect.tryPromise({ try: request, catch: (error) => failed(error) }).pipe(
      TimeLimit.within(patience.excuses.head, patience.firstSignMs, failSilent)
    )
    const left = Math.max(1, patience.firstSignMs - ((yield* Monotonic.nowMs) - sentMs))
    const { ended, text } = yield* readBody(response, { ...patience, firstSignMs: left }, (error) =>
      failed(error, response.status)
    )
    return isStream(response) ? eventsIn(text) : { _tag: "Whole", text, isCut: ended !== "done" }
  })
