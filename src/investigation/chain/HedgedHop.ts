/** Runs a hop that may be hedged: `Hedge` says when another model is asked beside it, and whose answer is used. */

import { type Clock, Deferred, Duration, Effect, Exit, Fiber, Queue } from "effect"
import type { Hop } from "../../domain/Investigation.ts"
import * as Monotonic from "../../resilience/Monotonic.ts"
import { InvestigatorError } from "../Investigator.ts"
import { type Choice, choose, type Course, type Race } from "./Hedge.ts"
import * as Overtaken from "./OvertakenRun.ts"
import type { HopResult, Turn } from "./RunHop.ts"
import type { TierPipeline } from "./TierPipeline.ts"

/** When a tier is hedged. */
export interface HedgeOptions {
  /** How long it shows no sign of work before another model is asked beside it. */
  readonly after: Duration.Input
  /**
   * The deadline of the decision, from the start of its hop: after that an answer of the other model is used, although
   * the first tier still works. Default 30 s. It has no effect beyond the deadline of the hop itself, nor on the calls
   * by which a tier is tried that did not answer in time again and again (`OvertakenRun`).
   */
  readonly deadline?: Duration.Input
}

/** The limit in the requirements for an investigation. */
export const defaultDeadline = "30 seconds"

/** The hop of a model that is about to be asked beside another tier. */
export interface Beside {
  readonly tier: TierPipeline
  readonly run: (turn: Turn) => Effect.Effect<HopResult>
}

/** Both hops, and whose answer is used. */
export interface Hedged {
  readonly first: HopResult
  readonly beside?: { readonly tier: TierPipeline; readonly result: HopResult }
  readonly choice: Exclude<Choice, "wait">
}

/**
 * It says nothing about the tier, however quiet that was: only its own limits do, the first sign and its deadline. One
 * that is overtaken again and again is left to them (`OvertakenRun`).
 */
const overtaken = (service: string) =>
  new InvestigatorError({
    investigator: service,
    reason: { _tag: "Overtaken" },
    retryable: false,
    countsAsFailure: false
  })

const courseOf = (exit: Exit.Exit<HopResult>): Extract<Course, "answered" | "failed"> =>
  Exit.isSuccess(exit) && exit.value.investigation !== undefined ? "answered" : "failed"

/** One hop and its hedge. */
class HedgedHop {
  private readonly settings: HedgeOptions
  private readonly tier: TierPipeline
  private readonly find: Effect.Effect<Beside | undefined>
  private readonly clock: Clock.Clock
  private readonly changed = Queue.unbounded<void>()
  private readonly begun = Deferred.makeUnsafe<void>()
  private readonly endFirst = Deferred.makeUnsafe<never, InvestigatorError>()
  private readonly endBeside = Deferred.makeUnsafe<never, InvestigatorError>()
  private race: Race = { first: "works", beside: "none", isOver: false }
  private note: Hop["hedge"]
  private besideTier: TierPipeline | undefined
  private isTrial = false
  private lastSignMs = 0

  constructor(settings: HedgeOptions, tier: TierPipeline, find: Effect.Effect<Beside | undefined>, clock: Clock.Clock) {
    this.settings = settings
    this.tier = tier
    this.find = find
    this.clock = clock
  }

  readonly onSign = (): void => {
    this.lastSignMs = Monotonic.nowMsUnsafe(this.clock)
    Deferred.doneUnsafe(this.begun, Effect.void)
  }

  run(runFirst: (turn: Turn) => Effect.Effect<HopResult>): Effect.Effect<Hedged> {
    return Effect.gen({ self: this }, function* () {
      const changes = yield* this.changed
      const took = (side: "beside" | "first") => (exit: Exit.Exit<HopResult>) =>
        Effect.sync(() => {
          this.race = { ...this.race, [side]: courseOf(exit) }
          if (side === "first") this.endOfFirst()
          Queue.offerUnsafe(changes, undefined)
        })
      const first = yield* Effect.forkChild(
        runFirst({ end: this.endFirst, hedge: () => this.note, onBegin: this.onSign }).pipe(
          Effect.onExit(took("first"))
        )
      )
      const beside = yield* Effect.forkChild(
        Effect.flatMap(this.begin, (found) =>
          found === undefined
            ? Effect.undefined
            : found.run({ end: this.endBeside, hedge: () => "beside" }).pipe(
                Effect.onExit(took("beside")),
                Effect.map((result) => ({ tier: found.tier, result }))
              )
        )
      )
      const deadline = yield* Effect.forkChild(this.deadline(() => Queue.offerUnsafe(changes, undefined)))
      let choice: Choice = "wait"
      while (choice === "wait") {
        yield* Queue.take(changes)
        choice = choose(this.race)
      }
      // At once: it may be about to begin.
      const isAlone = this.race.beside === "none"
      if (isAlone) beside.interruptUnsafe()
      else this.endOther(choice)
      yield* Fiber.interrupt(deadline)
      const result = yield* Fiber.join(first)
      if (isAlone) return { first: result, choice }
      const other = yield* Fiber.join(beside)
      return { first: result, choice, ...(other === undefined ? {} : { beside: other }) }
    })
  }

  /** Waits until no sign has come for long enough, and finds what is asked beside. */
  private readonly begin: Effect.Effect<Beside | undefined> = Effect.suspend(() =>
    Effect.gen({ self: this }, function* () {
      // Before its first attempt it waits for a limit of ours, which says nothing about it.
      yield* Deferred.await(this.begun)
      let found: Beside | undefined
      do {
        for (let waitMs = this.quietAfterMs; waitMs > 0; waitMs = this.quietAfterMs) yield* Effect.sleep(waitMs)
        found = yield* this.find
        // Evidence may have to be read for it, which takes time.
      } while (this.quietAfterMs > 0)
      if (found === undefined) return this.noted("no-model")
      if ((yield* this.tier.pipeline?.retryBudget?.withdraw ?? Effect.succeed(false)) === false)
        return this.noted("no-token")
      this.noted("started")
      this.besideTier = found.tier
      this.race = { ...this.race, beside: "works" }
      yield* Effect.logInfo("An investigator shows no sign of work, and another one is asked beside it").pipe(
        Effect.annotateLogs({ investigator: this.tier.service, beside: found.tier.service })
      )
      return found
    })
  )

  private noted(hedge: Hop["hedge"]): undefined {
    this.note = hedge
    return undefined
  }

  /** In how many milliseconds it has been quiet for long enough; 0 or less if it has. */
  private get quietAfterMs(): number {
    const afterMs = Duration.toMillis(Duration.fromInputUnsafe(this.settings.after))
    return this.lastSignMs + afterMs - Monotonic.nowMsUnsafe(this.clock)
  }

  private deadline(over: () => void): Effect.Effect<void> {
    const forMs = Duration.toMillis(Duration.fromInputUnsafe(this.settings.deadline ?? defaultDeadline))
    // At the end of its own time the hop fails by itself.
    return forMs >= (this.tier.pipeline?.deadlineMs ?? 0)
      ? Effect.void
      : Effect.map(Effect.sleep(forMs), () => {
          if (Overtaken.mayBeOvertaken(this.tier.overtaken)) {
            this.race = { ...this.race, isOver: true }
            over()
          } else if (this.race.first === "works") {
            this.isTrial = true
            this.tier.overtaken = Overtaken.trialBegan(this.tier.overtaken)
          }
        })
  }

  private endOfFirst(): void {
    const { tier } = this
    if (this.isTrial) tier.overtaken = Overtaken.trialEnded(tier.overtaken)
    if (this.race.first === "answered") tier.overtaken = Overtaken.answered(tier.overtaken)
  }

  /** Ends the tier whose answer is not used, if it still works. */
  private endOther(choice: Choice): void {
    if (choice === "first" && this.besideTier !== undefined)
      Deferred.doneUnsafe(this.endBeside, Effect.fail(overtaken(this.besideTier.service)))
    if (choice !== "beside" || this.race.first !== "works") return
    if (this.quietAfterMs <= 0) this.tier.overtaken = Overtaken.overtaken(this.tier.overtaken)
    Deferred.doneUnsafe(this.endFirst, Effect.fail(overtaken(this.tier.service)))
  }
}

/**
 * Runs a hop. `find` returns the model to ask beside it, or nothing if none is free. `run` gets the turn of the hop,
 * and `onSign` for its request.
 */
export const runHedged = (
  settings: HedgeOptions,
  tier: TierPipeline,
  find: Effect.Effect<Beside | undefined>,
  run: (turn: Turn, onSign: () => void) => Effect.Effect<HopResult>
): Effect.Effect<Hedged> =>
  Effect.clockWith((clock) => {
    const hop = new HedgedHop(settings, tier, find, clock)
    return hop.run((turn) => run(turn, hop.onSign))
  })
