/**
 * Runs the health checks of all three layers, and keeps what each has found.
 *
 * **Details**
 *
 * - Every check has a fiber of its own, so that one which hangs holds up no other, and at most one run at a time.
 * - The first runs are spread over the first second. Later ones follow at the interval of the check, give or take a
 *   tenth.
 * - A run that does not end in time, dies or is interrupted is a finding with status `unknown`. It does not restart the
 *   supervisor. A run that cannot be interrupted is left alone, and the check is not run again before it has ended.
 * - A cause of an emergency goes on until its check finds that it is gone. `unknown` does not end it.
 * - `unknown` is also the status before the first run, and once the last outcome is older than three intervals.
 *
 * **When to use**
 *
 * `findings` for status pages: it costs nothing. `changes` for metrics and notifications. `add` registers a check from
 * outside of this folder.
 *
 * **Gotchas**
 *
 * Nothing runs until `run` does. Liveness must not depend on any finding: a restart cures no peer.
 */

import {
  Cause,
  Context,
  Duration,
  Effect,
  Exit,
  Fiber,
  FiberMap,
  Layer,
  Option,
  Queue,
  Random,
  Schema,
  type Scope
} from "effect"
import { now, Timestamp } from "../domain/Timestamp.ts"
import { type EventHub, make as makeEventHub } from "../resilience/EventHub.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { type Check, CheckLayer, type EmergencyCause, type Outcome, unknown } from "./Check.ts"

/** What is known about one check, as `GET /api/v1/status` shows it. */
export const Finding = Schema.Struct({
  name: Schema.String,
  layer: CheckLayer,
  status: Schema.Literals(["healthy", "unhealthy", "unknown"]),
  /** What was found, for people. */
  message: Schema.optionalKey(Schema.String),
  /** Since when the check has this status. */
  since: Timestamp,
  /** When it last ran. Absent: never. */
  checkedAt: Schema.optionalKey(Timestamp)
}).annotate({ identifier: "HealthFinding" })
export type Finding = typeof Finding.Type

/** A cause of an emergency, and the check that has found it. */
export interface FoundCause extends EmergencyCause {
  readonly check: string
}

/** The findings, and the checks. */
export class HealthSupervisor extends Context.Service<
  HealthSupervisor,
  {
    /** What each check has found last, in the order of the layers and of `add`. */
    readonly findings: Effect.Effect<ReadonlyArray<Finding>>
    /**
     * The causes of an emergency. A cause goes on until its check finds that it is gone: a check that finds nothing out
     * takes back nothing.
     */
    readonly emergencies: Effect.Effect<ReadonlyArray<FoundCause>>
    /** Publishes each finding whose status or cause of an emergency has changed. */
    readonly changes: EventHub<Finding>
    /** Registers a check until the scope closes. A check of the same name is replaced. */
    readonly add: (check: Check) => Effect.Effect<void, never, Scope.Scope>
    /** Runs the checks. Run it as a supervised child. */
    readonly run: Effect.Effect<never>
  }
>()("kubernaut/health/HealthSupervisor") {}

const defaultInterval = Duration.seconds(30)
const defaultTimeout = Duration.seconds(5)
/** The first runs are spread over this time. */
const spreadMs = 1000
/** An outcome counts for so many intervals. */
const lastsIntervals = 3

/** What is kept of a check. */
interface Kept {
  readonly check: Check
  readonly intervalMs: number
  readonly timeoutMs: number
  outcome: Outcome
  /** What the last run that found something out has found. */
  causes: ReadonlyArray<EmergencyCause>
  since: Timestamp
  checkedAt?: Timestamp
  /** When the last run ended, by the monotonic clock. */
  endedMs: number
  /** A run that was given up and has not ended. */
  left?: Fiber.Fiber<unknown, unknown>
}

const statuses = { Healthy: "healthy", Unhealthy: "unhealthy", Unknown: "unknown" } as const

const notRunYet = unknown("has not been checked yet")

const isOutdated = ({ checkedAt, endedMs, intervalMs, timeoutMs }: Kept, nowMs: number): boolean =>
  checkedAt !== undefined && nowMs - endedMs > lastsIntervals * intervalMs + timeoutMs

/** What counts now: an old outcome says nothing any more. */
const current = (kept: Kept, nowMs: number): Outcome =>
  isOutdated(kept, nowMs)
    ? unknown(`has not been checked for ${Math.round((nowMs - kept.endedMs) / 1000)} s`)
    : kept.outcome

const findingOf = (kept: Kept, nowMs: number): Finding => {
  const outcome = current(kept, nowMs)
  return {
    name: kept.check.name,
    layer: kept.check.layer,
    status: statuses[outcome._tag],
    ...(outcome.message === undefined ? {} : { message: outcome.message }),
    since: kept.since,
    ...(kept.checkedAt === undefined ? {} : { checkedAt: kept.checkedAt })
  }
}

const noCauses: ReadonlyArray<EmergencyCause> = []

/** The causes after an outcome. An unknown one takes back no emergency. */
const causesAfter = (before: ReadonlyArray<EmergencyCause>, outcome: Outcome): ReadonlyArray<EmergencyCause> => {
  if (outcome._tag === "Unknown") return before
  return outcome._tag === "Unhealthy" ? (outcome.emergencies ?? noCauses) : noCauses
}

const keysOf = (causes: ReadonlyArray<EmergencyCause>): string => causes.map(({ key }) => key).join(" ")

const outcomeOf = (exit: Exit.Exit<Outcome>): Outcome => {
  if (Exit.isSuccess(exit)) return exit.value
  return unknown(Cause.hasInterruptsOnly(exit.cause) ? "the check was interrupted" : "the check itself failed")
}

/** Runs a check once. Returns within its timeout, whatever the check does. */
const runOnce = Effect.fnUntraced(function* (kept: Kept) {
  const { check, left, timeoutMs } = kept
  if (left !== undefined && left.pollUnsafe() === undefined)
    return unknown("the run before has not ended, and cannot be interrupted")
  delete kept.left
  const fiber = yield* Effect.forkDetach(check.run)
  const ended = yield* Effect.timeoutOption(Fiber.await(fiber), timeoutMs).pipe(
    Effect.onInterrupt(() => Effect.sync(() => fiber.interruptUnsafe()))
  )
  if (Option.isSome(ended)) {
    if (Exit.isFailure(ended.value) && !Cause.hasInterruptsOnly(ended.value.cause))
      yield* Effect.logWarning("A health check failed by itself", ended.value.cause).pipe(
        Effect.annotateLogs({ check: check.name })
      )
    return outcomeOf(ended.value)
  }
  fiber.interruptUnsafe()
  kept.left = fiber
  return unknown(`found nothing out within ${timeoutMs / 1000} s`)
})

/** The checks of one process. */
const makeChecks = (changes: EventHub<Finding>, found: ReadonlyArray<FoundCause>) => {
  const kept = new Map<string, Kept>()

  const take = Effect.fnUntraced(function* (self: Kept, outcome: Outcome) {
    const at = yield* now
    const before = self.outcome
    const causesBefore = self.causes
    const isFirst = self.checkedAt === undefined
    const causes = causesAfter(causesBefore, outcome)
    Object.assign(self, { outcome, causes, checkedAt: at, endedMs: yield* Monotonic.nowMs })
    if (isFirst || before._tag !== outcome._tag) self.since = at
    if (isFirst || before._tag !== outcome._tag || keysOf(causesBefore) !== keysOf(causes))
      changes.publish(findingOf(self, self.endedMs))
  })

  const loop = (self: Kept): Effect.Effect<never> =>
    Effect.scoped(
      Effect.gen(function* () {
        const wakes = yield* Queue.sliding<void>(1)
        if (self.check.wakes !== undefined) yield* self.check.wakes(() => void Queue.offerUnsafe(wakes, undefined))
        let pauseMs = (yield* Random.next) * Math.min(spreadMs, self.intervalMs)
        while (true) {
          yield* Effect.timeoutOption(Queue.take(wakes), Math.max(1, Math.round(pauseMs)))
          yield* take(self, yield* runOnce(self))
          pauseMs = self.intervalMs * (0.9 + 0.2 * (yield* Random.next))
        }
      })
    )

  const keep = (check: Check, since: Timestamp): Kept => ({
    check,
    intervalMs: Duration.toMillis(Duration.fromInputUnsafe(check.interval ?? defaultInterval)),
    timeoutMs: Duration.toMillis(Duration.fromInputUnsafe(check.timeout ?? defaultTimeout)),
    outcome: notRunYet,
    causes: found.filter(({ check: name }) => name === check.name).map(({ cause, key }) => ({ key, cause })),
    since,
    endedMs: 0
  })
  return { kept, keep, loop }
}

const order = CheckLayer.literals

/**
 * Constructs the service with its first checks. `found`: the causes that the process before this one had found, which
 * go on until their checks have run. Use `layer` unless you need the service as a value.
 */
export const make = Effect.fnUntraced(function* (initial: ReadonlyArray<Check>, found: ReadonlyArray<FoundCause> = []) {
  const changes = makeEventHub<Finding>()
  const { keep, kept, loop } = makeChecks(changes, found)
  const registered = makeEventHub<void>()
  const since = yield* now
  for (const check of initial) kept.set(check.name, keep(check, since))

  const ofAll = <A>(each: (self: Kept, nowMs: number) => A): Effect.Effect<ReadonlyArray<A>> =>
    Effect.map(Monotonic.nowMs, (nowMs) =>
      order.flatMap((layer) =>
        [...kept.values()].filter(({ check }) => check.layer === layer).map((self) => each(self, nowMs))
      )
    )

  const run = Effect.scoped(
    Effect.gen(function* () {
      const fibers = yield* FiberMap.make<string>()
      const running = new Map<string, Kept>()
      const wakes = yield* Queue.sliding<void>(1)
      yield* registered.listen(() => void Queue.offerUnsafe(wakes, undefined))
      while (true) {
        for (const [name, self] of kept) {
          if (running.get(name) === self) continue
          running.set(name, self)
          yield* FiberMap.run(fibers, name, loop(self))
        }
        for (const name of running.keys()) {
          if (kept.has(name)) continue
          running.delete(name)
          yield* FiberMap.remove(fibers, name)
        }
        yield* Queue.take(wakes)
      }
    })
  )

  return HealthSupervisor.of({
    findings: ofAll(findingOf),
    emergencies: Effect.map(
      ofAll(({ causes, check }) => causes.map(({ cause, key }): FoundCause => ({ check: check.name, key, cause }))),
      (causes) => causes.flat()
    ),
    changes,
    add: (check) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.map(now, (at) => {
            const self = keep(check, at)
            kept.set(check.name, self)
            registered.publish()
            return self
          }),
          (self) =>
            Effect.sync(() => {
              if (kept.get(check.name) !== self) return
              kept.delete(check.name)
              registered.publish()
            })
        )
      ),
    run
  })
})

/** Runs the checks of the folder that knows the dependencies. */
export const layer = (
  checks: ReadonlyArray<Check>,
  found: ReadonlyArray<FoundCause> = []
): Layer.Layer<HealthSupervisor> => Layer.effect(HealthSupervisor, make(checks, found))
