/** A sandbox whose requests fail by a script, and the record of its requests. */

import { Effect, Fiber, Layer, Random } from "effect"
import { TestClock } from "effect/testing"
import * as Executor from "../../src/execution/Executor.ts"
import { KubernetesClient, KubernetesError, type KubernetesErrorReason } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"

/** What happens to one request. */
export type Fault =
  | "passes"
  /** It is carried out, and the response is lost. */
  | "response lost"
  /** It does not arrive, and there is no response. */
  | "request lost"
  /** A read that returns what the read of this object before it returned: a cache of the API server lags. */
  | "as before"
  /** It is carried out and repeated after a timeout; the repetition fails with a conflict. */
  | "repeated beneath"
  | KubernetesErrorReason

export interface Script {
  /** For writes that are not dry runs, in order. Writes after the last entry pass. */
  writes: Array<Fault>
  dryRuns: Array<Fault>
  /** For reads of single objects. */
  gets: Array<Fault>
  /** For lists of events. */
  eventLists: Array<Fault>
  /** Every request except logs and watches, as `verb name`, dry runs as `dry verb name`. */
  readonly requests: Array<string>
}

export const script = (faults: Partial<Omit<Script, "requests">> = {}): Script => ({
  writes: [],
  dryRuns: [],
  gets: [],
  eventLists: [],
  ...faults,
  requests: []
})

const isWrite = (operation: Sandbox.Operation): boolean =>
  ["patch", "evict", "delete", "create"].includes(operation.verb)

/** The writes that were not dry runs. */
export const writesOf = ({ requests }: Script): ReadonlyArray<string> =>
  requests.filter((request) => /^(patch|evict|delete|create) /.test(request))

export const intercept =
  (script: Script, known = new Map<string, unknown>()): NonNullable<Sandbox.SandboxOptions["intercept"]> =>
  <A>(operation: Sandbox.Operation, request: Effect.Effect<A, KubernetesError>) =>
    Effect.suspend((): Effect.Effect<A, KubernetesError> => {
      script.requests.push(
        `${operation.dryRun ? "dry " : ""}${operation.verb} ${operation.name === "" ? operation.kind : operation.name}`
      )
      const writes = isWrite(operation) && !operation.dryRun
      const faults = writes
        ? script.writes
        : isWrite(operation)
          ? script.dryRuns
          : operation.verb === "get"
            ? script.gets
            : operation.kind === "Event"
              ? script.eventLists
              : []
      const fault = faults.shift() ?? "passes"
      const key = `${operation.kind} ${operation.namespace}/${operation.name}`
      if (fault === "as before" && known.has(key)) return Effect.succeed(known.get(key) as A)
      if (fault === "passes" || fault === "as before")
        return Effect.tap(request, (answer) =>
          Effect.sync(() => {
            if (operation.verb === "get") known.set(key, answer)
          })
        )
      const failed = (reason: KubernetesErrorReason, applied: "no" | "unknown", retryable: boolean) =>
        Effect.fail(
          new KubernetesError({ reason, operation: `${operation.verb} ${operation.name}`, applied, retryable })
        )
      const silence = failed({ _tag: "Timeout" }, writes ? "unknown" : "no", true)
      if (fault === "response lost") return Effect.andThen(request, silence)
      if (fault === "request lost") return silence
      if (fault === "repeated beneath") return Effect.andThen(request, failed({ _tag: "Conflict" }, "no", true))
      return failed(
        fault,
        "no",
        ["Unavailable", "TooManyRequests", "DisruptionBudget", "Conflict"].includes(fault._tag)
      )
    })

/** The executor on a sandbox that follows the script. */
export const layer = (
  faults: Script,
  options: Executor.ExecutorOptions = {}
): Layer.Layer<Executor.Executor | KubernetesClient> =>
  Executor.layer(options).pipe(
    Layer.provideMerge(
      Layer.effect(KubernetesClient, Sandbox.make({ intercept: intercept(faults) }).pipe(Random.withSeed("execution")))
    )
  )

/** Runs an effect while the test clock advances second by second. */
export const inTime = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    for (let second = 0; second < 1200 && fiber.pollUnsafe() === undefined; second++)
      yield* TestClock.adjust("1 second")
    return yield* Fiber.join(fiber)
  })

/** Somebody else writes to the object. */
export const touch = (kind: string, name: string, namespace = "shop") =>
  Effect.flatMap(KubernetesClient, (client) =>
    client.apply({
      _tag: "Patch",
      ref: { namespace, kind, name },
      patch: [{ op: "add", path: "/metadata/labels", value: { touched: "yes" } }]
    })
  )
