import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Result } from "effect"
import { load, parse, resolve, standard } from "../../../src/investigation/rules/Rulebook.ts"
import { alertNames } from "../fixtures/AlertNames.ts"

const safe = [
  "Notify",
  "CollectDiagnostics",
  "RestartWorkload",
  "RollbackDeployment",
  "EvictPod",
  "AdjustResources",
  "PatchHpa"
]

const rule = (lines: string) =>
  `version: 1\nrules:\n  - name: a-rule\n${lines
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n")}\n`

const good = rule("match: { alerts: [Disk*] }\ncause: The disk is full.\naction: { type: Notify }\ncheck: df -h")

const rejection = (text: string) => {
  const parsed = parse(text, "rules.yaml")
  return Result.isFailure(parsed) ? parsed.failure.message : "accepted"
}

describe("the default rulebook", () => {
  it.effect("names every alert of kube-prometheus, the kubernetes-mixin and etcd", () =>
    Effect.gen(function* () {
      const { rules } = yield* standard
      const named = new Set(rules.flatMap((each) => each.match.alerts ?? []))
      assert.isAbove(alertNames.length, 120)
      assert.deepStrictEqual(
        alertNames.filter((name) => !named.has(name)),
        []
      )
    })
  )

  it.effect("names no alert that the reference list lacks, so no typo disables a rule", () =>
    Effect.gen(function* () {
      const { rules } = yield* standard
      const named = rules.flatMap((each) => each.match.alerts ?? []).filter((name) => !name.includes("*"))
      assert.deepStrictEqual(
        named.filter((name) => !alertNames.includes(name)),
        []
      )
    })
  )

  it.effect("proposes only safe actions, and gives a cause and a first check for each rule", () =>
    Effect.gen(function* () {
      const { rules } = yield* standard
      for (const each of rules) {
        assert.include(safe, each.action.type)
        assert.isAbove(each.cause.length, 20)
        assert.isAbove(each.check.length, 10)
      }
      assert.strictEqual(new Set(rules.map((each) => each.cause)).size, rules.length, "two rules have the same cause")
    })
  )

  it.effect("ends with a rule that matches every alert, so the chain always returns an investigation", () =>
    Effect.gen(function* () {
      const { rules } = yield* standard
      assert.deepStrictEqual(rules.at(-1)?.match, {})
      assert.strictEqual(rules.at(-1)?.action.type, "Notify")
    })
  )
})

describe("an operator's rulebook", () => {
  it.effect("comes before the default rulebook", () =>
    Effect.gen(function* () {
      const base = yield* standard
      const rules = yield* resolve(Result.getOrThrow(parse(good, "rules.yaml")))
      assert.strictEqual(rules[0]?.name, "a-rule")
      assert.strictEqual(rules.length, base.rules.length + 1)
    })
  )

  it.effect("replaces the default rulebook when it extends none", () =>
    Effect.gen(function* () {
      const rules = yield* resolve(Result.getOrThrow(parse(`extends: none\n${good}`, "rules.yaml")))
      assert.deepStrictEqual(
        rules.map(({ name }) => name),
        ["a-rule"]
      )
    })
  )

  it.each([
    ["YAML that does not parse", "version: 1\nrules:\n  - name: [a\n", /^rules\.yaml:\d+:\d+: /],
    ["a tab for indentation", "version: 1\nrules:\n\t- name: a\n", /^rules\.yaml:3:1: /],
    ["an empty file", "", /^rules\.yaml:1:1: the file: /],
    ["another version", "version: 2\nrules: []\n", /^rules\.yaml:1:1: version: /],
    ["no rules", "version: 1\n", /^rules\.yaml:1:1: rules: /],
    [
      "an unknown key",
      rule("match: {}\ncause: c\naction: { type: Notify }\ncheck: c\nconfidance: 0.4"),
      /^rules\.yaml:8:5: rules\[0\]\.confidance: /
    ],
    [
      "an unsafe action",
      rule("match: {}\ncause: c\ncheck: c\naction: { type: DrainNode }"),
      /^rules\.yaml:7:\d+: rules\[0\]\.action/
    ],
    [
      "an action without its bounds",
      rule("match: {}\ncause: c\ncheck: c\naction: { type: PatchHpa, factor: 1.5 }"),
      /^rules\.yaml:7:\d+: rules\[0\]\.action\.maximum: /
    ],
    [
      "a factor below the minimum",
      rule("match: {}\ncause: c\ncheck: c\naction: { type: PatchHpa, factor: 0.5, maximum: 10 }"),
      /^rules\.yaml:7:\d+: rules\[0\]\.action\.factor: .*1\.05/
    ],
    [
      "an unknown fact",
      rule("match: { facts: [on-fire] }\ncause: c\ncheck: c\naction: { type: Notify }"),
      /^rules\.yaml:4:\d+: rules\[0\]\.match\.facts\[0\]: .*bad-rollout/
    ],
    [
      "an empty list of alerts, which matches nothing",
      rule("match: { alerts: [] }\ncause: c\ncheck: c\naction: { type: Notify }"),
      /^rules\.yaml:4:\d+: rules\[0\]\.match\.alerts/
    ],
    [
      "an invalid name",
      rule("match: {}\ncause: c\ncheck: c\naction: { type: Notify }").replace("a-rule", "A rule!"),
      /^rules\.yaml:3:5: rules\[0\]\.name: Expected a name such as/
    ],
    [
      "two rules of the same name",
      `${good}${good.slice(good.indexOf("  - name"))}`,
      /^rules\.yaml:8:5: rules\[1\]\.name: another rule is already called a-rule/
    ]
  ])("is rejected with file, line, column and reason: %s", (_name, text, expected) => {
    assert.match(rejection(text), expected)
  })

  const withFile = (text: string | undefined) =>
    FileSystem.layerNoop(text === undefined ? {} : { readFileString: () => Effect.succeed(text) })

  it.effect("is read from a file", () =>
    Effect.gen(function* () {
      const rules = yield* load("rules.yaml")
      assert.strictEqual(rules[0]?.name, "a-rule")
    }).pipe(Effect.provide(withFile(good)))
  )

  it.effect("is rejected with its name when the file does not exist", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(load("missing.yaml"))
      assert.match(error.message, /^missing\.yaml: cannot be read: /)
    }).pipe(Effect.provide(withFile(undefined)))
  )
})
