/**
 * The contract of every investigator: HolmesGPT, an LLM provider, the rules, or an embedder's own.
 *
 * `make` returns an investigator whose peer is healthy. Cases of a single driver, such as the meaning of each status,
 * are tests of that driver.
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
    "a workload that does not exist",
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
    "an unknown alert about a kind without actions",
    request({
      alert: alert({ name: "Ours", labels: {}, annotations: {} }),
      target: { ...target, kind: "Ingress" },
      observed: null
    })
  ],
  [
    "text in another language with line separators",
    request({ alert: alert({ annotations: { description: 'サービス停止\n\u2028"}]}\u0000' } }) })
  ]
]

export const contract = (name: string, make: Effect.Effect<Investigator, never, Scope.Scope>) => {
  const test = (claim: string, body: (investigator: Investigator) => Effect.Effect<void, InvestigatorError>) =>
    it.effect(claim, () => Effect.scoped(Effect.flatMap(make, body)))

  describe(`${name} as an investigator`, () => {
    for (const [situation, given] of situations) {
      test(`returns a valid investigation of ${situation}, with an action on the target or part of it`, (investigator) =>
        Effect.gen(function* () {
          const found = yield* investigator.investigate(given)
          assert.isTrue(Schema.is(Investigation)(found))
          assert.strictEqual(found.investigator, investigator.name)
          assert.isTrue(isOwnObject(given, found.action.target), "acts on another object")
          assert.isTrue(appliesToItsTarget(found.action))
          assert.notStrictEqual(found.rootCause.trim(), "")
        }))
    }

    test("repeats no secret of the alert in its investigation", (investigator) =>
      Effect.gen(function* () {
        const given = request({
          alert: alert({
            labels: { api_key: hidden, pod: "checkout-7d9f-a" },
            annotations: { description: `password=${hidden}` }
          }),
          evidence: evidence({
            logs: [
              {
                pod: "p",
                revision: 2,
                current: true,
                container: "c",
                previous: true,
                text: `Authorization: Bearer ${hidden}`
              }
            ]
          })
        })
        assert.notInclude(JSON.stringify(yield* investigator.investigate(given)), hidden)
      }))

    test("keeps no state between requests: the second investigation is about the second request", (investigator) =>
      Effect.gen(function* () {
        yield* investigator.investigate(request())
        const other = { ...target, name: "cart" }
        const found = yield* investigator.investigate(request({ target: other, observed: null }))
        assert.strictEqual(found.action.target.name, "cart")
      }))

    test("handles many requests at once", (investigator) =>
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

    test("its probe succeeds while its peer is healthy", (investigator) =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(investigator.probe ?? Effect.void)
        assert.isTrue(Exit.isSuccess(exit))
      }))

    test("has a name that suits its breaker and metrics", (investigator) =>
      Effect.sync(() => assert.match(serviceName(investigator), /^(holmesgpt|llm:[^/\s]+|rules|custom(:[^/\s]+)?)$/)))
  })
}
