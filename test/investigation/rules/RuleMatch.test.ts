import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Rule } from "../../../src/investigation/rules/Rulebook.ts"
import { matchesPattern } from "../../../src/investigation/rules/RuleMatch.ts"
import { alert, evidence, request } from "../fixtures/Requests.ts"
import { investigate, rulesOf } from "../fixtures/Rules.ts"

describe("a rule matches only when all its conditions hold", () => {
  const given = request({
    alert: alert({ severity: "warning", labels: { team: "payments-eu", "app/x": "y" } }),
    evidence: evidence()
  })
  const picks = (match: Rule["match"]) =>
    Effect.map(
      investigate(given, { rules: rulesOf({ name: "matching", match }, { name: "otherwise" }) }),
      (found) => found.rule === "matching"
    )

  it.effect.each<readonly [Rule["match"], boolean]>([
    [{ alerts: ["KubePod*"] }, true],
    [{ alerts: ["KubeNode*", "*Looping"] }, true],
    [{ alerts: ["KubeNode*"] }, false],
    [{ severities: ["warning"] }, true],
    [{ severities: ["critical"] }, false],
    [{ namespaces: ["sh*p"] }, true],
    [{ namespaces: ["prod-*"] }, false],
    [{ labels: { team: "payments-*", "app/x": "y" } }, true],
    [{ labels: { team: "payments-us" } }, false],
    [{ labels: { absent: "*x" } }, false],
    [{ kinds: ["Deployment"] }, true],
    [{ kinds: ["StatefulSet"] }, false],
    [{ facts: ["crash-looping", "bad-rollout"] }, true],
    [{ facts: ["crash-looping", "oom-killed"] }, false],
    [{ alerts: ["KubePod*"], severities: ["critical"] }, false]
  ])("%j matches a warning about the Deployment shop/checkout: %s", ([match, expected]) =>
    Effect.map(picks(match), (picked) => assert.strictEqual(picked, expected))
  )

  it.each<readonly [string, string, boolean]>([
    ["*", "", true],
    ["a*", "a", true],
    ["*a", "a", true],
    ["a*a", "a", false],
    ["a*a", "aa", true],
    ["a*b*c", "a--b--c", true],
    ["a*b*c", "acb", false],
    ["*ab*ab*", "ab", false],
    ["*ab*ab*", "abab", true],
    ["a.c", "abc", false],
    ["A", "a", false],
    ["ab*bc", "abc", false]
  ])("the pattern %s matches %s: %s", (pattern, text, expected) =>
    assert.strictEqual(matchesPattern(pattern, text), expected)
  )
})
