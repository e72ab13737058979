/** The job of `kubernaut simulate`: its flags, validated together before anything runs. */

import { Effect, FileSystem, Option, Schema } from "effect"
import { FaultPlan } from "../../simulation/faults/FaultPlan.ts"
import * as Faults from "../../simulation/faults/Faults.ts"
import * as Injections from "../../simulation/faults/Injections.ts"
import * as SievePatterns from "../../simulation/faults/SievePatterns.ts"
import * as Runner from "../../simulation/run/Runner.ts"
import type { Scenario } from "../../simulation/scenarios/Scenario.ts"
import * as Scenarios from "../../simulation/scenarios/Scenarios.ts"
import { CommandFailed } from "../ExitCode.ts"
import type { SimulateFlags } from "./SimulateFlags.ts"

export const hourMs = 3_600_000
export const monthMs = 30 * 24 * hourMs

const usage = (text: string) => new CommandFailed({ code: "usage", text })

/** The validated flags. */
export interface Job {
  readonly request: Runner.RunRequest
  readonly scenario: Scenario
  readonly seeds: ReadonlyArray<number>
  readonly replay: number | undefined
  /** The flags that reproduce a seed. */
  readonly again: ReadonlyArray<string>
}

const faultsOf = (inject: string): Effect.Effect<ReadonlyArray<string>, CommandFailed> =>
  Effect.map(
    Effect.forEach(
      inject
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== ""),
      (name) => {
        const injection = Injections.byName.get(name)
        if (injection !== undefined)
          return Effect.succeed(Injections.kindsOf([injection], Faults.all).map((kind) => kind.name))
        const pattern = SievePatterns.byName.get(name)
        if (pattern !== undefined) return Effect.succeed(pattern.faults)
        return Faults.byName.has(name)
          ? Effect.succeed([name])
          : Effect.fail(
              usage(`There is no injection, pattern or fault ${name}. Run kubernaut simulate --list to see them.`)
            )
      }
    ),
    (names) => [...new Set(names.flat())]
  )

const readPlan = Effect.fnUntraced(function* (file: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(fileSystem.readFileString(file), () => usage(`Cannot read ${file}.`))
  const plan = yield* Schema.decodeEffect(Schema.fromJsonString(FaultPlan))(text).pipe(
    Effect.mapError((error) => usage(`${file} is not a fault plan: ${error.message}`))
  )
  const unknown = plan.find(({ kind }) => !Faults.byName.has(kind))
  if (unknown !== undefined)
    return yield* usage(`${file}: there is no fault ${unknown.kind}. Run kubernaut simulate --list to see the faults.`)
  for (const { kind, parameters } of plan) {
    yield* Effect.mapError(Schema.decodeEffect(Faults.byName.get(kind)!.parameters)(parameters), (error) =>
      usage(`${file}: the parameters of ${kind} are invalid: ${error.message}`)
    )
  }
  return plan
})

export const jobOf = Effect.fnUntraced(function* (flags: SimulateFlags) {
  if (Option.isSome(flags.hours) && Option.isSome(flags.months))
    return yield* usage("--hours and --months both set the duration: use only one of them.")
  if (Option.isSome(flags.plan) && Option.isSome(flags.inject))
    return yield* usage("--plan defines all faults: remove --inject.")
  const durationMs = Option.isSome(flags.hours)
    ? Math.round(flags.hours.value * hourMs)
    : Option.isSome(flags.months)
      ? Math.round(flags.months.value * monthMs)
      : undefined
  const faults = Option.isNone(flags.inject) ? undefined : yield* faultsOf(flags.inject.value)
  const plan = Option.isNone(flags.plan) ? undefined : yield* readPlan(flags.plan.value)
  const request: Runner.RunRequest = {
    scenario: flags.scenario,
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(faults === undefined ? {} : { faults }),
    ...(plan === undefined ? {} : { plan })
  }
  const scenario = Runner.scenarioOf(request)
  if (scenario === undefined)
    return yield* usage(
      `There is no scenario ${flags.scenario}. Use one of ${Scenarios.all.map(({ name }) => name).join(", ")}.`
    )
  const replay = Option.getOrUndefined(flags.replay)
  return {
    request,
    scenario,
    replay,
    seeds: replay === undefined ? Array.from({ length: flags.seeds }, (_, index) => flags.seed + index) : [replay],
    again: [
      `--scenario ${flags.scenario}`,
      `--hours ${scenario.durationMs / hourMs}`,
      ...(Option.isNone(flags.inject) ? [] : [`--inject ${flags.inject.value}`]),
      ...(Option.isNone(flags.plan) ? [] : [`--plan ${flags.plan.value}`])
    ]
  } satisfies Job
})
