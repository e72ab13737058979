import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Schema } from "effect"
import { settings } from "../../../src/cli/settings/Settings.ts"
import {
  BlastRadiusSettings,
  type Budget,
  clusterBudget,
  waitInForce
} from "../../../src/decision/BlastRadiusSettings.ts"
import { defaults, GuardrailSettings } from "../../../src/decision/GuardrailSettings.ts"

describe("the setting guardrails", () => {
  it.each(Object.keys(GuardrailSettings.fields))("names the limit %s in its description", (limit) => {
    assert.include(settings.guardrails.description, limit)
  })
})

describe("the README's table of the guardrails", () => {
  const readme = readFileSync(join(import.meta.dirname, "../../../README.md"), "utf8")
  /** The column `default` of a row; `undefined` without a row. */
  const shownAs = (field: string) =>
    readme
      .split("\n")
      .map((line) => line.split("|").map((cell) => cell.trim()))
      .find(([, name]) => name === `\`${field}\``)?.[2]

  const budget = ({ burst, refill }: Budget) => `burst ${burst}, refill ${span(refill)}`
  const span = (duration: Duration.Duration): string => {
    const minutes = Duration.toMinutes(duration)
    if (minutes < 1) return `${Duration.toSeconds(duration)} seconds`
    if (minutes >= 60) return `${Duration.toHours(duration)} hours`
    return minutes === 1 ? "1 minute" : `${minutes} minutes`
  }
  const { blastRadius, giveUp, peers, ...others } = defaults
  const shown = (value: unknown): string =>
    Duration.isDuration(value) ? span(value) : typeof value === "string" ? `\`${value}\`` : String(value)

  const nested = Object.keys(BlastRadiusSettings.fields).map((field) => `blastRadius.${field}`)
  const names = [
    ...Object.keys(GuardrailSettings.fields).filter((field) => !["blastRadius", "giveUp", "peers"].includes(field)),
    ...nested,
    ...Object.keys(giveUp).map((field) => `giveUp.${field}`),
    ...Object.keys(peers).map((field) => `peers.${field}`)
  ]
  it.each(names)("has a row for %s", (field) => {
    assert.isDefined(shownAs(field))
  })

  const values: ReadonlyArray<readonly [field: string, value: string]> = [
    ["blastRadius.target", budget(blastRadius.target)],
    ["blastRadius.namespace", budget(blastRadius.namespace)],
    ["blastRadius.pool", budget(blastRadius.pool)],
    ["blastRadius.cluster", budget(clusterBudget(defaults))],
    ...Object.entries(giveUp).map(([field, value]) => [`giveUp.${field}`, shown(value)] as const),
    ...Object.entries(peers).map(([field, value]) => [`peers.${field}`, shown(value)] as const),
    ...Object.entries(others)
      .filter(([, value]) => !Array.isArray(value))
      .map(([field, value]) => [field, shown(value)] as const)
  ]
  it.each(values)("says the default of %s: %s", (field, value) => {
    assert.strictEqual(shownAs(field), value)
  })

  it("says how long an action waits", () => {
    assert.include(shownAs("blastRadius.wait"), span(waitInForce(defaults)))
    const short = Schema.decodeSync(GuardrailSettings)({ answerLifetime: "3 minutes" })
    assert.strictEqual(span(waitInForce(short)), "2 minutes")
  })

  it("says that no kind is removable by default, and the setting takes kinds as manifests spell them", () => {
    assert.strictEqual(shownAs("removableKinds"), "none")
    assert.deepStrictEqual(defaults.removableKinds, [])
    const decode = Schema.decodeUnknownSync(GuardrailSettings)
    assert.deepStrictEqual(decode({ removableKinds: ["NetworkPolicy"] }).removableKinds, ["NetworkPolicy"])
    for (const wrong of ["networkpolicies", "*", ""])
      assert.throws(() => decode({ removableKinds: [wrong] }), /Expected a kind as manifests spell it/)
  })
})
