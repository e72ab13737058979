import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Result } from "effect"
import * as Timestamp from "../../../src/domain/Timestamp.ts"
import { empty } from "../../../src/investigation/evidence/Evidence.ts"
import type { InvestigationRequest } from "../../../src/investigation/Investigator.ts"
import { parse, resolve, type Rule, standard } from "../../../src/investigation/rules/Rulebook.ts"
import { factsOf } from "../../../src/investigation/rules/RuleFacts.ts"
import { categoryOf, make, matchesPattern, type Options } from "../../../src/investigation/rules/RuleInvestigator.ts"
import { alertNames } from "../fixtures/AlertNames.ts"
import { alert, evidence, observed, pod, request, target } from "../fixtures/Requests.ts"

const own = (...rules: ReadonlyArray<Partial<Rule> & { readonly name: string }>): ReadonlyArray<Rule> =>
  rules.map((rule) => ({ match: {}, cause: "It is broken.", action: { type: "Notify" }, check: "Look.", ...rule }))

const ask = (given: InvestigationRequest, options: Partial<Options> = {}) =>
  Effect.gen(function* () {
    const rules = options.rules ?? (yield* Effect.orDie(standard)).rules
    return yield* make({ ...options, rules }).investigate(given)
  })

const byAlert = (name: string, changes: Partial<InvestigationRequest> = {}) =>
  request({ alert: alert({ name }), evidence: empty, ...changes })

const settled = observed({
  readyReplicas: 2,
  pods: [pod("a"), pod("b")],
  conditions: [{ type: "Progressing", status: "True", reason: "NewReplicaSetAvailable" }]
})

describe("what the default rulebook does", () => {
  it.effect("undoes a rollout that never worked, to the revision that still serves", () =>
    Effect.gen(function* () {
      const found = yield* ask(request({ evidence: evidence() }))
      assert.strictEqual(found.rule, "undo-bad-rollout")
      assert.deepStrictEqual(found.action, {
        type: "RollbackDeployment",
        target: { namespace: "shop", kind: "Deployment", name: "checkout" },
        toRevision: 1
      })
    })
  )

  it.effect("leaves a Deployment alone whose revision was complete once: what broke it came later", () =>
    Effect.gen(function* () {
      const found = yield* ask(
        request({
          observed: observed({
            conditions: [{ type: "Progressing", status: "True", reason: "NewReplicaSetAvailable" }]
          }),
          evidence: evidence()
        })
      )
      assert.strictEqual(found.rule, "pod-crash-looping")
      assert.strictEqual(found.action.type, "Notify")
    })
  )

  it.effect("gives a container that is killed at its limit half as much again, within bounds", () =>
    Effect.gen(function* () {
      const killed = (limit: string) =>
        request({
          observed: observed({
            conditions: [],
            revision: 1,
            pods: [pod("cart-1", { ready: false, reason: "OOMKilled" })]
          }),
          evidence: evidence({
            revisions: [],
            containers: [
              { name: "sidecar", requests: {}, limits: { memory: "64Mi" } },
              { name: "cart", requests: {}, limits: { memory: limit } }
            ],
            failing: [
              {
                pod: "cart-1",
                container: "cart",
                restarts: 3,
                reason: "CrashLoopBackOff",
                lastReason: "OOMKilled",
                exitCode: 137
              }
            ]
          })
        })
      const found = yield* ask(killed("256Mi"))
      assert.deepStrictEqual(found.action, {
        type: "AdjustResources",
        target: { namespace: "shop", kind: "Deployment", name: "checkout" },
        container: "cart",
        limits: { memory: "384Mi" }
      })
      const near = yield* ask(killed("6Gi"))
      assert.deepStrictEqual(near.action.type === "AdjustResources" ? near.action.limits : undefined, {
        memory: "8192Mi"
      })
      const atMaximum = yield* ask(killed("8Gi"))
      assert.strictEqual(atMaximum.rule, "killed-at-memory-limit")
      assert.strictEqual(atMaximum.action.type, "Notify")
    })
  )

  it.effect("raises an autoscaler that is at its maximum by half, and no further than 50", () =>
    Effect.gen(function* () {
      const scaled = (maxReplicas: number, currentReplicas: number) =>
        byAlert("KubeHpaMaxedOut", {
          observed: { ...settled, autoscaler: "search" },
          evidence: {
            ...empty,
            autoscaler: {
              name: "search",
              minReplicas: 1,
              maxReplicas,
              currentReplicas,
              desiredReplicas: currentReplicas
            }
          }
        })
      const found = yield* ask(scaled(10, 10))
      assert.deepStrictEqual(found.action, {
        type: "PatchHpa",
        target: { namespace: "shop", kind: "HorizontalPodAutoscaler", name: "search" },
        maxReplicas: 15
      })
      const capped = yield* ask(scaled(40, 40))
      assert.strictEqual(capped.action.type === "PatchHpa" ? capped.action.maxReplicas : 0, 50)
      assert.strictEqual((yield* ask(scaled(50, 50))).action.type, "Notify")
      assert.strictEqual((yield* ask(scaled(10, 7))).action.type, "Notify")
    })
  )

  it.effect("replaces the one broken pod among healthy ones, but not one that finds no node", () =>
    Effect.gen(function* () {
      const broken = (reason: string | null) =>
        byAlert("KubePodNotReady", {
          alert: alert({ name: "KubePodNotReady", labels: { pod: "a" } }),
          observed: { ...settled, readyReplicas: 1, pods: [pod("a", { ready: false, reason }), pod("b")] }
        })
      assert.deepStrictEqual((yield* ask(broken(null))).action, {
        type: "EvictPod",
        target: { namespace: "shop", kind: "Pod", name: "a" }
      })
      assert.strictEqual((yield* ask(broken("Unschedulable"))).rule, "no-node-has-room")
    })
  )

  it.effect("does not evict a pod that the alert names and that is not there any more", () =>
    Effect.gen(function* () {
      const found = yield* ask(
        byAlert("KubePodNotReady", {
          alert: alert({ name: "KubePodNotReady", labels: { pod: "long-gone" } }),
          observed: { ...settled, readyReplicas: 1, pods: [pod("a", { ready: false }), pod("b")] }
        })
      )
      assert.strictEqual(found.rule, "pod-not-ready")
    })
  )

  it.effect("tells what image, configuration or room is missing instead of acting", () =>
    Effect.gen(function* () {
      const waiting = (reason: string) =>
        byAlert("KubeContainerWaiting", {
          observed: { ...settled, readyReplicas: 0, pods: [pod("a", { ready: false, reason })] }
        })
      assert.strictEqual((yield* ask(waiting("ImagePullBackOff"))).rule, "image-can-not-be-pulled")
      assert.strictEqual((yield* ask(waiting("CreateContainerConfigError"))).rule, "configuration-is-missing")
      assert.strictEqual((yield* ask(waiting("Unschedulable"))).rule, "no-node-has-room")
      assert.strictEqual((yield* ask(waiting("ContainerCreating"))).rule, "container-waiting")
    })
  )

  it.effect("proposes nothing but a notice for a target that is gone or healthy again", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        (yield* ask(byAlert("KubePodCrashLooping", { observed: observed({ exists: false, pods: [] }) }))).rule,
        "target-is-gone"
      )
      assert.strictEqual(
        (yield* ask(byAlert("KubePodCrashLooping", { observed: settled }))).rule,
        "pod-recovered-meanwhile"
      )
    })
  )

  it.effect.each([...alertNames, "SomethingOfOurOwn"])(
    "answers %s on a healthy workload with a notice that says what to look at first",
    (name) =>
      Effect.gen(function* () {
        const found = yield* ask(byAlert(name, { observed: settled, target: { ...target, kind: "StatefulSet" } }))
        assert.strictEqual(found.action.type, "Notify")
        assert.include(found.action.type === "Notify" ? found.action.reason : "", "First: ")
        if (name !== "SomethingOfOurOwn") assert.notStrictEqual(found.rule, "unknown-alert")
      })
  )

  it.effect("answers an alert whose target could not be read", () =>
    Effect.gen(function* () {
      const found = yield* ask(request({ observed: null }))
      assert.strictEqual(found.action.type, "Notify")
      assert.include(found.evidence, "The target's state could not be read.")
    })
  )
})

describe("severity maps to a category", () => {
  it("critical is immediate, warning standard, info and none are monitored only", () => {
    assert.deepStrictEqual((["critical", "warning", "info", "none"] as const).map(categoryOf), [
      "immediate",
      "standard",
      "monitoring-only",
      "monitoring-only"
    ])
  })

  it.effect.each(["info", "none"] as const)(
    "an alert of severity %s is never acted on, even where a rule has an action",
    (severity) =>
      Effect.gen(function* () {
        const found = yield* ask(request({ alert: alert({ severity }) }), {
          rules: own({ name: "restart", action: { type: "RestartWorkload" } })
        })
        assert.strictEqual(found.action.type, "Notify")
        assert.strictEqual(found.rule, "restart")
      })
  )

  it.effect.each(["warning", "critical"] as const)("an alert of severity %s is", (severity) =>
    Effect.gen(function* () {
      const found = yield* ask(request({ alert: alert({ severity }) }), {
        rules: own({ name: "restart", action: { type: "RestartWorkload" } })
      })
      assert.strictEqual(found.action.type, "RestartWorkload")
    })
  )
})

describe("a rule matches only when everything it asks for holds", () => {
  const given = request({
    alert: alert({ severity: "warning", labels: { team: "payments-eu", "app/x": "y" } }),
    evidence: evidence()
  })
  const picks = (match: Rule["match"]) =>
    Effect.map(
      ask(given, { rules: own({ name: "asked", match }, { name: "otherwise" }) }),
      (found) => found.rule === "asked"
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
  ])("%j: %s", ([match, expected]) => Effect.map(picks(match), (picked) => assert.strictEqual(picked, expected)))

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
  ])("%s against %s: %s", (pattern, text, expected) => assert.strictEqual(matchesPattern(pattern, text), expected))
})

it.effect("a rule whose action does not fit the target's kind is passed over", () =>
  Effect.gen(function* () {
    const rules = own({ name: "restart", action: { type: "RestartWorkload" } }, { name: "tell" })
    const node = { cluster: "test", namespace: "", kind: "Node", name: "worker-1" }
    assert.strictEqual((yield* ask(request({ target: node, observed: null }), { rules })).rule, "tell")
  })
)

describe("history", () => {
  const rules = own({ name: "restart", action: { type: "RestartWorkload" }, confidence: 0.4 }, { name: "tell" })
  const withRecord = (fixed: number, verified: number) =>
    ask(request(), { rules, recordOf: () => Effect.succeed({ fixed, verified }) })

  it.effect("an action that seldom helped this alert is passed over for the next rule", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* withRecord(33, 100)).rule, "tell")
      assert.strictEqual((yield* withRecord(34, 100)).rule, "restart")
      assert.strictEqual((yield* withRecord(0, 5)).rule, "tell")
    })
  )

  it.effect("four failures in a row say too little to give an action up", () =>
    Effect.gen(function* () {
      const { confidence, rule } = yield* withRecord(0, 4)
      assert.strictEqual(rule, "restart")
      assert.strictEqual(confidence, 0.4)
    })
  )

  it.effect("a better record gives more confidence, and no record leaves the rule's own", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* ask(request(), { rules, recordOf: () => Effect.undefined })).confidence, 0.4)
      assert.closeTo((yield* withRecord(6, 6)).confidence, 0.4, 1e-9)
      assert.closeTo((yield* withRecord(3, 6)).confidence, 0.3, 1e-9)
    })
  )

  it.effect("is asked about this alert, the action that would be taken, and the last week", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      yield* ask(request(), {
        rules,
        recordOf: (name, action, since) =>
          Effect.sync(() => void asked.push(`${name} ${action} ${since}`)).pipe(Effect.as(undefined))
      })
      assert.deepStrictEqual(asked, [
        `KubePodCrashLooping RestartWorkload ${Timestamp.fromMillis((yield* Clock.currentTimeMillis) - 7 * 24 * 60 * 60 * 1000)}`
      ])
    })
  )
})

describe("facts", () => {
  const facts = (changes: Partial<InvestigationRequest>) => [...factsOf(request(changes))]

  it("nothing that could not be read makes a fact", () => {
    assert.deepStrictEqual(facts({ observed: null }), [])
  })

  it("a rollout is not held responsible for what broke long after it", () => {
    const old = evidence({
      revisions: [
        { revision: 2, current: true, replicas: 2, readyReplicas: 0, createdAt: "2026-11-23T00:00:00Z", images: [] },
        { revision: 1, current: false, replicas: 0, readyReplicas: 0, createdAt: "2026-11-01T00:00:00Z", images: [] }
      ]
    })
    assert.notInclude(facts({ evidence: old, observed: observed({ conditions: [] }) }), "bad-rollout")
  })

  it("a first revision can't be undone", () => {
    const only = evidence({
      revisions: [
        { revision: 1, current: true, replicas: 2, readyReplicas: 0, createdAt: "2026-11-24T02:50:00Z", images: [] }
      ]
    })
    assert.notInclude(facts({ evidence: only }), "bad-rollout")
  })

  it("a newest revision with ready pods works, whatever else crashes", () => {
    const works = evidence()
    const revisions = works.revisions.map((revision) => ({ ...revision, readyReplicas: 1 }))
    assert.notInclude(facts({ evidence: { ...works, revisions } }), "bad-rollout")
  })

  it("without revisions the state alone tells a bad rollout by its later revision and the pods that still serve", () => {
    assert.include(facts({}), "bad-rollout")
    assert.notInclude(facts({ observed: observed({ revision: 1 }) }), "bad-rollout")
    assert.notInclude(facts({ observed: observed({ readyReplicas: 0 }) }), "bad-rollout")
  })

  it("one pod is broken only beside another that is not, and only if it has a node", () => {
    const broken = pod("a", { ready: false })
    assert.include(facts({ observed: observed({ pods: [broken, pod("b")] }) }), "one-pod-broken")
    assert.notInclude(facts({ observed: observed({ pods: [broken] }) }), "one-pod-broken")
    assert.notInclude(facts({ observed: observed({ pods: [broken, pod("b", { ready: false })] }) }), "one-pod-broken")
    assert.notInclude(
      facts({ observed: observed({ pods: [{ ...broken, reason: "Unschedulable" }, pod("b")] }) }),
      "one-pod-broken"
    )
  })

  it("only Deployments have rollouts that can be undone", () => {
    assert.notInclude(facts({ target: { ...target, kind: "StatefulSet" } }), "bad-rollout")
  })
})

it.effect("a rulebook that does not know an alert says so", () =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(ask(request(), { rules: own({ name: "other", match: { alerts: ["Other"] } }) }))
    assert.strictEqual(error.reason._tag, "NoRule")
  })
)

it.effect("an operator's rule goes before the default one for the same alert", () =>
  Effect.gen(function* () {
    const text =
      "version: 1\nrules:\n  - name: ours\n    match: { alerts: [KubePodCrashLooping] }\n    cause: Ours.\n    action: { type: Notify }\n    check: Ours.\n"
    const rules = yield* resolve(Result.getOrThrow(parse(text, "rules.yaml")))
    assert.strictEqual((yield* ask(request({ evidence: evidence() }), { rules })).rule, "ours")
  })
)
