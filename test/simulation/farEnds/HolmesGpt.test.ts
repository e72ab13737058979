import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import type { Investigator } from "../../../src/investigation/Investigator.ts"
import * as HolmesGptInvestigator from "../../../src/investigation/models/HolmesGptInvestigator.ts"
import * as LlmInvestigator from "../../../src/investigation/models/LlmInvestigator.ts"
import * as World from "../../../src/simulation/engine/World.ts"
import { Cluster } from "../../../src/simulation/farEnds/Cluster.ts"
import * as HolmesGpt from "../../../src/simulation/farEnds/HolmesGpt.ts"
import { messageOf } from "../../../src/simulation/farEnds/HolmesGptMessage.ts"
import { LanguageModels } from "../../../src/simulation/farEnds/LanguageModels.ts"
import { Observations } from "../../../src/simulation/observation/Observation.ts"
import { planted } from "../../../src/simulation/observation/Secrets.ts"
import { run } from "../../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"
import { request } from "../../investigation/fixtures/Requests.ts"

const setUp = () => {
  const world = World.make(1)
  const setting = {
    world,
    scenario: { ...Scenario.models, workloads: 2 },
    observations: new Observations(() => world.nowMs)
  }
  const cluster = new Cluster(setting)
  return {
    world,
    setting,
    cluster,
    holmesgpt: new HolmesGpt.HolmesGpt(setting, cluster),
    llms: new LanguageModels(setting, cluster)
  }
}

type SetUp = ReturnType<typeof setUp>

/** The type of the action that an investigator proposes for a workload, or the reason of its error. */
const answers = ({ cluster, world }: SetUp, investigator: Effect.Effect<Investigator>): string => {
  const [ref] = cluster.workloads
  const target = { cluster: "simulated", ...ref! }
  const asked = Effect.flatMap(investigator, ({ investigate }) => investigate(request({ target, observed: null })))
  let said = "nothing"
  world.boot(
    "asks",
    Effect.match(asked, {
      onFailure: (error) => {
        said = error.reason._tag
      },
      onSuccess: ({ action }) => {
        said = action.type
      }
    })
  )
  assert.strictEqual(world.run()._tag, "Done")
  return said
}

const holmesgpt =
  (key: string) =>
  ({ holmesgpt }: SetUp): Effect.Effect<Investigator> =>
    HolmesGptInvestigator.make({ url: HolmesGpt.url, apiKey: Redacted.make(key) }).pipe(Effect.provide(holmesgpt.layer))

const llm = ({ llms }: SetUp): Effect.Effect<Investigator> =>
  LlmInvestigator.make({ provider: "beta" }).pipe(Effect.provide(llms.beta.layer))

describe("the simulated models", () => {
  it("propose a rollback of a broken workload, and nothing but Notify for a healthy one", () => {
    for (const investigator of [holmesgpt(planted.holmesgptKey), llm]) {
      const well = setUp()
      assert.strictEqual(answers(well, investigator(well)), "Notify")
      const broken = setUp()
      broken.cluster.breakRollout(broken.cluster.workloads[0]!)
      assert.strictEqual(answers(broken, investigator(broken)), "RollbackDeployment")
    }
  })

  it("require HolmesGPT's key", () => {
    const world = setUp()
    assert.strictEqual(answers(world, holmesgpt("another")(world)), "Authentication")
  })

  it("keep a run reproducible under all their faults", () => {
    const scenario = { ...Scenario.models, durationMs: 5 * 60_000, faultGapMs: [60_000, 120_000] as const }
    for (const seed of [5, 6]) assert.deepStrictEqual(run({ seed, scenario }), run({ seed, scenario }))
  })
})

describe("a refusal by HolmesGPT", () => {
  it.each([
    [400, "neither"],
    [403, "neither"],
    [413, "neither"],
    [422, "neither"],
    [401, "bad"],
    [500, "bad"]
  ] as const)("with status %i counts as %s for its breaker", (status, worth) => {
    assert.strictEqual(messageOf({ _tag: "Status", status }).worth, worth)
  })
})
