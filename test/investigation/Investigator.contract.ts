/**
 * What every investigator keeps to, whoever is behind it: HolmesGPT, an LLM provider, the rules, or an embedder's own.
 *
 * `make` gives an investigator whose peer is well. Driver-only cases (what each status means) stay with the driver.
 */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Schema, type Scope } from "effect"
import { appliesToItsTarget } from "../../src/domain/Action.ts"
import { Investigation } from "../../src/domain/Investigation.ts"
import { empty } from "../../src/investigation/evidence/Evidence.ts"
import {
  type InvestigationRequest,
  type Investigator,
  type InvestigatorError,
  serviceName
} from "../../src/investigation/Investigator.ts"
import { isOwnObject } from "../../src/investigation/models/Answer.ts"
import { alert, evidence, observed, request, target } from "./fixtures/Requests.ts"

const hidden = "zQ7xWv93LmPk2RtY"

const situations: ReadonlyArray<readonly [string, InvestigationRequest]> = [
  ["a broken rollout with all evidence", request({ evidence: evidence() })],
  ["no evidence at all", request({ observed: null })],
  ["empty evidence", request({ evidence: { ...empty, missing: ["events"] }, level: 2 })],
  [
    "a workload that is gone",
    request({ observed: observed({ exists: false, pods: [], desiredReplicas: null, readyReplicas: null }) })
  ],
  [
    "a node",
    request({
      target: { cluster: "test", namespace: "", kind: "Node", name: "worker-1" },
      alert: alert({ name: "KubeNodeNotReady", labels: { node: "worker-1" } }),
      observed: null
    })
  ],
  [
    "an alert nobody knows, about a kind nobody acts on",
    request({
      alert: alert({ name: "Ours", labels: {}, annotations: {} }),
      target: { ...target, kind: "Ingress" },
      observed: null
    })
  ],
  [
    "text that is not English, nor one line",
    request({ alert: alert({ annotations: { description: 'サービス停止\n\u2028"}]}\u0000' } }) })
  ]
]

export const contract = (name: string, make: Effect.Effect<Investigator, never, Scope.Scope>) => {
  const test = (claim: string, body: (investigator: Investigator) => Effect.Effect<void, InvestigatorError>) =>
    it.effect(claim, () => Effect.scoped(Effect.flatMap(make, body)))

  describe(`${name} as an investigator`, () => {
    for (const [situation, given] of situations) {
      test(`answers about ${situation} with an investigation of the schema, on the remediation's own object`, (investigator) =>
        Effect.gen(function* () {
          const found = yield* investigator.investigate(given)
          assert.isTrue(Schema.is(Investigation)(found))
          assert.strictEqual(found.investigator, investigator.name)
          assert.isTrue(isOwnObject(given, found.action.target), "acts on somebody else's object")
          assert.isTrue(appliesToItsTarget(found.action))
          assert.notStrictEqual(found.rootCause.trim(), "")
        }))
    }

    test("repeats no secret of the alert in what it answers", (investigator) =>
      Effect.gen(function* () {
        const given = request({
          alert: alert({
            labels: { api_key: hidden, pod: "checkout-7d9f-a" },
            annotations: { description: `password=${hidden}` }
          }),
          evidence: evidence({
            logs: [{ pod: "p", container: "c", previous: true, text: `Authorization: Bearer ${hidden}` }]
          })
        })
        assert.notInclude(JSON.stringify(yield* investigator.investigate(given)), hidden)
      }))

    test("keeps nothing between requests: the second answer is about the second request", (investigator) =>
      Effect.gen(function* () {
        yield* investigator.investigate(request())
        const other = { ...target, name: "cart" }
        const found = yield* investigator.investigate(request({ target: other, observed: null }))
        assert.strictEqual(found.action.target.name, "cart")
      }))

    test("takes many requests at once", (investigator) =>
      Effect.gen(function* () {
        const names = Array.from({ length: 20 }, (_, index) => `workload-${index}`)
        const found = yield* Effect.forEach(
          names,
          (each) => investigator.investigate(request({ target: { ...target, name: each }, observed: null })),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(
          found.map(({ action }) => action.target.name),
          names
        )
      }))

    test("its probe succeeds while its peer is well", (investigator) =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(investigator.probe ?? Effect.void)
        assert.isTrue(Exit.isSuccess(exit))
      }))

    test("has a name that its breaker and metrics can carry", (investigator) =>
      Effect.sync(() => assert.match(serviceName(investigator), /^(holmesgpt|llm:[^/\s]+|rules|custom(:[^/\s]+)?)$/)))
  })
}
