import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Effect, Fiber, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { stuckRollout } from "../../examples/embedded/Service.ts"
import { RemediationId } from "../../src/domain/Remediation.ts"
import * as Timestamp from "../../src/domain/Timestamp.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { investigatorOf, rollback } from "./remediating.ts"

type Service = Kubernaut.Kubernaut["Service"]

const seconds = (count: number) =>
  Effect.gen(function* () {
    for (let second = 0; second < count; second++) yield* TestClock.adjust("1 second")
  })

/** A database and a cluster that processes of the service follow each other on. */
const world = Effect.gen(function* () {
  /** Runs once, just before the first write. */
  const hook = { beforeWrite: Effect.void as Effect.Effect<void>, written: false }
  const intercept: NonNullable<Sandbox.SandboxOptions["intercept"]> = ({ dryRun, verb }, request) => {
    if (dryRun || verb !== "patch" || hook.written) return request
    hook.written = true
    return Effect.andThen(hook.beforeWrite, request)
  }
  const ports = yield* Layer.build(Layer.mergeAll(Sandbox.layer({ intercept }), Storage.layerMemory))
  /** Runs a process until `use` has ended. */
  const process = <A, E>(use: (service: Service) => Effect.Effect<A, E>) =>
    Kubernaut.layer({ cluster: "dev", mode: "auto", investigators: investigatorOf(() => rollback).make as never }).pipe(
      Layer.provide(Layer.succeedContext(ports)),
      Layer.build,
      Effect.flatMap((context) => use(Context.get(context, Kubernaut.Kubernaut))),
      Effect.scoped
    )
  return { hook, process }
})

const fire = ({ receive }: Service) =>
  Effect.map(receive(stuckRollout), ({ results }) => RemediationId.make(results[0]!.remediationId!))

/** The alert ends now, by the clock of its sender too. */
const resolve = ({ receive }: Service) =>
  Effect.flatMap(Timestamp.now, (endsAt) =>
    receive({
      ...stuckRollout,
      status: "resolved",
      alerts: stuckRollout.alerts.map((alert) => ({ ...alert, status: "resolved", endsAt }))
    })
  )

/** Why the remediation ended, and how many seconds that took. */
const outcome = Effect.fnUntraced(function* ({ settled }: Service, id: RemediationId) {
  const startedMs = yield* Clock.currentTimeMillis
  const ended = yield* Effect.forkChild(settled(id))
  while (ended.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
  const { conclusion = "", state } = Option.getOrThrow(yield* Fiber.join(ended))
  const took = ((yield* Clock.currentTimeMillis) - startedMs) / 1000
  return { says: `${state} ${conclusion}`, seconds: took }
})

const untilWritten = Effect.fnUntraced(function* (hook: { readonly written: boolean }) {
  while (!hook.written) yield* TestClock.adjust("1 second")
  yield* seconds(3)
})

/** The end of an alert that has ended before counts after five minutes. */
const assertResolved = ({ says, seconds }: { readonly says: string; readonly seconds: number }) => {
  assert.match(says, /^Remediated .*alert-resolved/)
  assert.isAtLeast(seconds, 299)
  assert.isAtMost(seconds, 310)
}

describe("an alert that ends, fires again and ends again while its action is verified", () => {
  it.effect("is resolved when it ends again, also if it ended first while the action was carried out", () =>
    Effect.gen(function* () {
      const { hook, process } = yield* world
      yield* process((service) =>
        Effect.gen(function* () {
          hook.beforeWrite = Effect.orDie(Effect.asVoid(resolve(service)))
          const id = yield* fire(service)
          yield* untilWritten(hook)
          yield* fire(service)
          yield* seconds(5)
          yield* resolve(service)
          assertResolved(yield* outcome(service, id))
        })
      )
    }).pipe(Effect.scoped)
  )

  it.effect("is resolved when it ends again, also if it fired again for less than the time between two looks", () =>
    Effect.gen(function* () {
      const { hook, process } = yield* world
      yield* process((service) =>
        Effect.gen(function* () {
          const id = yield* fire(service)
          yield* untilWritten(hook)
          yield* resolve(service)
          yield* seconds(3)
          yield* fire(service)
          yield* TestClock.adjust("10 millis")
          yield* resolve(service)
          assertResolved(yield* outcome(service, id))
        })
      )
    }).pipe(Effect.scoped)
  )

  it.effect("must stay resolved for five minutes, also after a restart", () =>
    Effect.gen(function* () {
      const { hook, process } = yield* world
      const id = yield* process((service) =>
        Effect.gen(function* () {
          const id = yield* fire(service)
          yield* untilWritten(hook)
          yield* resolve(service)
          yield* seconds(3)
          yield* fire(service)
          yield* seconds(1)
          yield* resolve(service)
          return id
        })
      )
      assertResolved(yield* process((service) => outcome(service, id)))
    }).pipe(Effect.scoped)
  )

  it.effect("still fires if only its first end was received, before the action had ended", () =>
    Effect.gen(function* () {
      const { hook, process } = yield* world
      yield* process((service) =>
        Effect.gen(function* () {
          hook.beforeWrite = Effect.orDie(Effect.asVoid(resolve(service)))
          const id = yield* fire(service)
          yield* untilWritten(hook)
          yield* fire(service)
          assert.match((yield* outcome(service, id)).says, /^Escalated .*alert-firing/)
        })
      )
    }).pipe(Effect.scoped)
  )
})
