import type { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Duration, Effect, Fiber, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { stuckRollout } from "../examples/embedded/Service.ts"
import { defaults } from "../src/decision/GuardrailSettings.ts"
import { targetKey } from "../src/domain/Target.ts"
import * as Intake from "../src/intake/Intake.ts"
import { InvestigationChain } from "../src/investigation/InvestigationChain.ts"
import type { Investigator } from "../src/investigation/Investigator.ts"
import * as Kubernaut from "../src/Kubernaut.ts"
import { KubernetesClient } from "../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../src/kubernetes/Sandbox.ts"
import * as RemediationActors from "../src/remediation/RemediationActors.ts"
import * as RemediationEvents from "../src/remediation/RemediationEvents.ts"
import * as Supervised from "../src/remediation/Supervised.ts"
import * as ResilienceEvent from "../src/resilience/ResilienceEvent.ts"
import * as Sqlite from "../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../src/storage/Storage.ts"

const ports = Layer.mergeAll(Sandbox.layer(), Storage.layerMemory)

const build = <E>(options: Kubernaut.Options<E>) =>
  Effect.scoped(Layer.build(Kubernaut.layer(options).pipe(Layer.provide(ports))))

/** Every wrong option, as `option: message`. */
const problemsOf = (options: object) =>
  Effect.flip(build({ cluster: "dev", ...options } as Kubernaut.Options)).pipe(
    Effect.map((error) =>
      error._tag === "OptionsError"
        ? error.problems.map(({ message, option }) => `${option}: ${message}`)
        : [error._tag]
    )
  )

const named = (name: Investigator["name"], provider?: string): Investigator => ({
  name,
  ...(provider === undefined ? {} : { provider }),
  investigate: () => Effect.die("not called")
})

describe("Kubernaut.layer", () => {
  const wrong: ReadonlyArray<readonly [options: object, option: string, message: RegExp]> = [
    [{ cluster: "" }, "cluster", /such as prod-eu-1/],
    [{ cluster: "prod/eu" }, "cluster", /such as prod-eu-1/],
    [{ mode: "automatic" }, "mode", /observe, approve, auto/],
    [{ guardrails: { cooldown: Duration.zero } }, "guardrails.cooldown", /10 minutes/],
    [
      { guardrails: { actionsPerWindow: { limit: 0, window: Duration.minutes(1) } } },
      "guardrails.actionsPerWindow",
      /limit.*1/
    ],
    [
      { guardrails: { blastRadius: { ...defaults.blastRadius, wait: Duration.minutes(20) } } },
      "guardrails",
      /blastRadius\.wait \(20m\): expected less than answerLifetime \(15m\)/
    ],
    [
      {
        guardrails: {
          actionsPerWindow: { limit: 5, window: Duration.minutes(1) },
          blastRadius: { ...defaults.blastRadius, cluster: { burst: 5, refill: Duration.minutes(1) } }
        }
      },
      "guardrails",
      /give only one of them/
    ],
    [{ guardrails: { minimumConfidence: 2 } }, "guardrails.minimumConfidence", /./],
    [{ actors: { concurrency: 0 } }, "actors.concurrency", /1 or more/],
    [{ actors: { sweepInterval: "often" } }, "actors.sweepInterval", /30 seconds/],
    [{ execution: { attempts: 1.5 } }, "execution.attempts", /1 or more/],
    [{ verification: { settleTimeout: 0 } }, "verification.settleTimeout", /more than zero/],
    [{ verification: { stabilisation: -1 } }, "verification.stabilisation", /zero or more/],
    [
      { verification: { stabilisation: "6 minutes" } },
      "verification",
      /stabilisation \(6m\): expected less than settleTimeout \(5m\)/
    ],
    [{ verification: { rolloutTimeout: "1 minute" } }, "verification", /expected at least settleTimeout/],
    [
      { guardrails: { protectedNamespace: ["shop"] } },
      "guardrails.protectedNamespace",
      /unknown option.*protectedNamespaces/
    ],
    [{ actors: { mode: "auto" } }, "actors.mode", /unknown option/],
    [{ modus: "auto" }, "modus", /unknown option.*mode/],
    [{ execution: { maximumResourceFactor: Number.NaN } }, "execution.maximumResourceFactor", /greater than 1/],
    [{ execution: { intentLifetime: "soon" } }, "execution.intentLifetime", /30 seconds/],
    [{ execution: { redact: true } }, "execution.redact", /function/],
    [{ intake: { capacity: Number.NaN } }, "intake.capacity", /1 or more/],
    [{ intake: { rateLimit: { perSecond: 0, burst: 1 } } }, "intake.rateLimit", /perSecond/],
    [{ intake: { clusterAliases: "prod" } }, "intake.clusterAliases", /array/],
    [{ intake: { clusterLabels: [] } }, "intake.clusterLabels", /./],
    [{ intake: { severities: { P1: "urgent" } } }, "intake.severities", /P1/],
    [{ intake: { targetLabels: { app: "Secret" } } }, "intake.targetLabels", /app/],
    [{ intake: { unlabelledAlerts: "reject" } }, "intake.unlabelledAlerts", /accept.*observe/],
    [{ changes: true }, "changes", /object/],
    [{ changes: { kinds: ["AuthorizationPolicy"] } }, "changes.kinds", /./],
    [{ changes: { retention: 0 } }, "changes.retention", /more than zero/],
    [{ kubernetes: { deadline: "soon" } }, "kubernetes.deadline", /30 seconds/],
    [{ kubernetes: { retry: { attempts: Number.NaN } } }, "kubernetes", /attempts/],
    [{ investigation: { deadline: 0 } }, "investigation.deadline", /more than zero/],
    [{ verification: "slow" }, "verification", /object/],
    [{ rules: [{}] }, "rules", /0/],
    [{ investigators: "holmesgpt" }, "investigators", /list/],
    [{ investigators: null }, "investigators", /list/],
    [{ investigators: Promise.resolve([]) }, "investigators", /list/],
    [{ investigators: [undefined] }, "investigators[0]", /investigator/],
    [{ investigators: [{}] }, "investigators[0]", /name: expected holmesgpt/],
    [{ investigators: [{ name: "mine", investigate: () => Effect.never }] }, "investigators[0]", /name/],
    [{ investigators: [{ name: "custom" }] }, "investigators[0]", /investigate: expected a function/],
    [{ investigators: [named("rules")] }, "investigators[0]", /added by Kubernaut/],
    [{ investigators: [named("llm", "a"), named("llm", "a")] }, "investigators[1]", /llm:a/]
  ]
  for (const [options, option, message] of wrong) {
    it.effect(`refuses ${JSON.stringify(options)} and names ${option}`, () =>
      Effect.gen(function* () {
        const problems = yield* problemsOf(options)
        assert.strictEqual(problems.length, 1, problems.join("\n"))
        assert.isTrue(problems[0]?.startsWith(`${option}: `), problems[0])
        assert.match(problems[0] ?? "", message)
      })
    )
  }

  it.effect("refuses options that are not an object", () =>
    Effect.map(Effect.flip(build(undefined as unknown as Kubernaut.Options)), (error) =>
      assert.include(error.message, "expected an object")
    )
  )

  it.effect("takes an undefined option for an absent one, in groups as well", () =>
    Effect.gen(function* () {
      const options = { mode: undefined, guardrails: { cooldown: undefined }, execution: { intentLifetime: undefined } }
      yield* build({ cluster: "dev", ...options } as unknown as Kubernaut.Options)
    })
  )

  it.effect("names every wrong option at once", () =>
    Effect.map(problemsOf({ mode: "x", actors: { concurrency: -1 } }), (problems) =>
      assert.strictEqual(problems.length, 2)
    )
  )

  it.effect("fails with the error that creating the investigators fails with", () =>
    Effect.map(Effect.flip(build({ cluster: "dev", investigators: Effect.fail("no key") })), (error) =>
      assert.strictEqual(error, "no key")
    )
  )

  it.effect("puts the rules behind the given investigators", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(
        Kubernaut.layer({ cluster: "dev", investigators: [named("holmesgpt"), named("llm", "a")] }).pipe(
          Layer.provide(ports)
        )
      )
      const { tiers } = yield* Effect.provide(InvestigationChain, context)
      assert.deepStrictEqual(
        tiers.map(({ service }) => service),
        ["holmesgpt", "llm:a", "rules"]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("provides a pipeline for the cluster, with a circuit breaker", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(Kubernaut.layer({ cluster: "dev" }).pipe(Layer.provide(ports)))
      const pipeline = yield* Effect.provide(Kubernaut.ClusterPipeline, context)
      assert.strictEqual(pipeline.circuitBreaker?.name, "kubernetes")
    }).pipe(Effect.scoped)
  )
})

/** How an alert about the sandbox's bad rollout ends. */
const remediate = Effect.fnUntraced(function* (options: Omit<Kubernaut.Options, "cluster">) {
  const context = yield* Layer.build(Kubernaut.layer({ cluster: "dev", ...options }).pipe(Layer.provide(ports)))
  const { receive, settled } = Context.get(context, Kubernaut.Kubernaut)
  const [result] = (yield* receive(stuckRollout)).results
  const ended = yield* Effect.forkChild(settled(result!.remediationId!))
  while (ended.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
  return Option.getOrThrow(yield* Fiber.join(ended))
}, Effect.scoped)

describe("a Kubernaut", () => {
  it.effect("acts in mode auto", () =>
    Effect.map(remediate({ mode: "auto" }), ({ state }) => assert.strictEqual(state, "Remediated"))
  )

  it.effect("observes unless a mode is given", () =>
    Effect.map(remediate({}), ({ executions, state }) => {
      assert.strictEqual(state, "Observed")
      assert.deepStrictEqual(executions, [])
    })
  )

  it.effect("follows the guardrails that are given", () =>
    Effect.map(
      remediate({ mode: "auto", guardrails: { protectedNamespaces: ["shop"] } }),
      ({ decision, executions }) => {
        assert.isTrue(decision?.reasons.some(({ rule }) => rule === "protected-namespace"))
        assert.deepStrictEqual(executions, [])
      }
    )
  )

  it.effect("finds suspects in the journal of changes where changes are recorded, and names none otherwise", () =>
    Effect.gen(function* () {
      const suspectsWith = Effect.fnUntraced(function* (options: Pick<Kubernaut.Options, "changes">) {
        const cluster = yield* Sandbox.make({ fieldManager: "kubectl" })
        const context = yield* Layer.build(
          Kubernaut.layer({ cluster: "dev", ...options }).pipe(
            Layer.provide([Layer.succeed(KubernetesClient, cluster), Storage.layerMemory])
          )
        )
        yield* TestClock.adjust("1 minute")
        const ref = { namespace: "shop", kind: "Deployment", name: "checkout" }
        yield* cluster.apply({
          _tag: "Patch",
          ref,
          patch: [{ op: "add", path: "/spec/template/metadata/labels/edited", value: "yes" }]
        })
        yield* TestClock.adjust("5 seconds")
        const { receive, settled } = Context.get(context, Kubernaut.Kubernaut)
        const startsAt = new Date(yield* Clock.currentTimeMillis).toISOString()
        const alerts = stuckRollout.alerts.map((alert) => ({ ...alert, startsAt }))
        const [result] = (yield* receive({ ...stuckRollout, alerts })).results
        const ended = yield* Effect.forkChild(settled(result!.remediationId!))
        while (ended.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
        return Option.getOrThrow(yield* Fiber.join(ended)).suspects
      }, Effect.scoped)
      assert.isTrue(
        (yield* suspectsWith({ changes: {} }))?.ranked.some(
          ({ change }) => change.ref.name === "checkout" && change.operation === "modified"
        )
      )
      assert.isUndefined(yield* suspectsWith({}))
      assert.isUndefined(yield* suspectsWith({ changes: false }))
    })
  )

  const onDatabase = (database: DatabaseSync, cluster: string, uid: string) =>
    Layer.build(
      Kubernaut.layer({ cluster, mode: "auto" }).pipe(
        Layer.provide(Sandbox.layer({ uid })),
        Layer.provideMerge(Storage.layerDatabase(database))
      )
    )

  it.effect("refuses to start with the database of another cluster", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      yield* Effect.scoped(onDatabase(database, "prod", "uid-of-prod"))
      const error = yield* Effect.flip(Effect.scoped(onDatabase(database, "prod", "uid-of-another")))
      assert.strictEqual(error._tag, "OtherClusterError")
      yield* Effect.scoped(onDatabase(database, "prod", "uid-of-prod"))
      database.close()
    })
  )

  it.effect("leaves the work of another cluster name in its database alone, when it sweeps and when it is fired", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      const id = yield* Effect.scoped(
        Effect.gen(function* () {
          const context = yield* Layer.build(
            Intake.layer({ cluster: "prod-a", onAccepted: () => Effect.void }).pipe(
              Layer.provide(Storage.layerDatabase(database))
            )
          )
          const [result] = (yield* Context.get(context, Intake.Intake).receive(stuckRollout)).results
          return result!.remediationId!
        })
      )
      yield* Effect.scoped(
        Effect.gen(function* () {
          const context = yield* onDatabase(database, "prod-b", "uid")
          const remediation = Context.get(context, Kubernaut.Kubernaut).get(id).pipe(Effect.map(Option.getOrThrow))
          yield* Context.get(context, RemediationActors.RemediationActors).fire(targetKey((yield* remediation).target))
          yield* TestClock.adjust("1 minute")
          assert.strictEqual((yield* remediation).state, "Received")
        })
      )
      const state = yield* Effect.scoped(
        Effect.gen(function* () {
          const context = yield* onDatabase(database, "prod-a", "uid")
          const ended = yield* Effect.forkChild(Context.get(context, Kubernaut.Kubernaut).settled(id))
          while (ended.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
          return Option.getOrThrow(yield* Fiber.join(ended)).state
        })
      )
      assert.strictEqual(state, "Remediated")
      database.close()
    })
  )

  it.effect("shares no part with another one in the same program, so each acts on its own cluster", () =>
    Effect.gen(function* () {
      const memoMap = yield* Layer.makeMemoMap
      const scope = yield* Effect.scope
      const make = (cluster: string) =>
        Layer.buildWithMemoMap(
          Kubernaut.layer({ cluster }).pipe(
            Layer.provide(Sandbox.layer()),
            Layer.provideMerge(Storage.layerSqlite({ filename: ":memory:" }))
          ),
          memoMap,
          scope
        )
      const alpha = yield* make("alpha")
      const beta = yield* make("beta")
      for (const part of [
        Kubernaut.Kubernaut,
        Supervised.Supervised,
        RemediationEvents.RemediationEvents,
        Intake.Intake
      ])
        assert.notStrictEqual<unknown>(Context.get(alpha, part as never), Context.get(beta, part as never), part.key)
      assert.notStrictEqual(
        Context.get(alpha, ResilienceEvent.ResilienceEvents),
        Context.get(beta, ResilienceEvent.ResilienceEvents)
      )
      const { get, receive } = Context.get(beta, Kubernaut.Kubernaut)
      const [result] = (yield* receive(stuckRollout)).results
      const remediation = Option.getOrThrow(yield* get(result!.remediationId!))
      assert.strictEqual(remediation.target.cluster, "beta")
    }).pipe(Effect.scoped)
  )
})
