import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import { InvestigationChain } from "../src/investigation/InvestigationChain.ts"
import type { Investigator } from "../src/investigation/Investigator.ts"
import * as Kubernaut from "../src/Kubernaut.ts"
import * as Sandbox from "../src/kubernetes/Sandbox.ts"
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
      "guardrails.actionsPerWindow.limit",
      /1/
    ],
    [{ guardrails: { minimumConfidence: 2 } }, "guardrails.minimumConfidence", /./],
    [{ actors: { concurrency: 0 } }, "actors.concurrency", /1 or more/],
    [{ actors: { sweepInterval: "often" } }, "actors.sweepInterval", /30 seconds/],
    [{ execution: { attempts: 1.5 } }, "execution.attempts", /1 or more/],
    [{ verification: { settleTimeout: 0 } }, "verification.settleTimeout", /more than zero/],
    [{ verification: { stabilisation: -1 } }, "verification.stabilisation", /zero or more/],
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
