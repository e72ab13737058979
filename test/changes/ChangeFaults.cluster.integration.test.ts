/**
 * Changes of people that break a shop on a real API server. Without a model, the service takes exactly that change
 * back, and says that it helped.
 */

import { afterAll, assert, describe, layer as shareLayer } from "@effect/vitest"
import { Clock, Context, Effect, Layer } from "effect"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"
import { decoys } from "./decoys.ts"
import {
  closeShop,
  everything,
  openShop,
  person,
  placeOf,
  remediate,
  type Service,
  startService
} from "./faultHarness.ts"
import { faults } from "./faults.ts"

const plane = await controlPlane()
afterAll(plane.stop)

/**
 * From the alert to the first write, in milliseconds. The aim is a median of at most 5 seconds; a test cannot assert
 * it.
 */
const waits: Array<number> = []
afterAll(() => {
  const sorted = waits.toSorted((left, right) => left - right)
  process.stdout.write(
    `From alert to first write: median ${sorted[Math.floor(sorted.length / 2)]} ms of ${sorted.length}, all: ${sorted.join(" ")}\n`
  )
})

class Started extends Context.Service<Started, Service>()(
  "kubernaut/test/changes/ChangeFaults.cluster.integration.test/Started"
) {}

const run = Effect.runSync(Clock.currentTimeNanos).toString(36)
const wanted = process.env["KUBERNAUT_FAULTS"]
const picked = wanted === undefined ? decoys : decoys.filter(({ decoy }) => new RegExp(wanted).test(decoy))
const rows = wanted === undefined ? faults : faults.filter(({ fault }) => new RegExp(wanted).test(fault))

describe.skipIf(!plane.available)(`one change of a person on a real API server${plane.note}`, () => {
  shareLayer(
    Layer.provideMerge(
      Layer.effect(Started, startService(plane.kubeconfig)),
      Layer.orDie(ClientNode.layer({ kubeconfig: plane.kubeconfig }))
    ),
    { excludeTestServices: true }
  )((it) => {
    it.effect.each(rows.map((row, index) => ({ ...row, index })))(
      "$fault: it is taken back, and nothing else",
      ({ asks = false, before, does, index, labels, shows }) =>
        Effect.gen(function* () {
          const started = yield* Started
          const place = placeOf(`fault-${run}-${index}`)
          const byPerson = Effect.provide(person(plane.kubeconfig))
          yield* Effect.addFinalizer(() => byPerson(closeShop(place)))
          yield* byPerson(openShop(place))
          if (before !== undefined) yield* byPerson(before(place))
          // The setup of the shop is one thing, and the fault another.
          yield* Effect.sleep("3500 millis")
          const old = yield* everything(place)
          yield* byPerson(does(place))
          if (shows !== undefined) yield* byPerson(shows(place))
          const [pod] = yield* place.pods
          const { firstWriteMs, run: remediation } = yield* remediate(
            started,
            place,
            labels(place, pod?.metadata.name ?? ""),
            old
          )
          const first = yield* remediation.outcome
          assert.strictEqual(
            first.state,
            asks ? "AwaitingReview" : "Remediated",
            first.conclusion ?? JSON.stringify(first.decision)
          )
          const ended = asks ? yield* remediation.approve : first
          assert.strictEqual(ended.state, "Remediated", ended.conclusion)
          assert.strictEqual(ended.verification?.verdict, "fixed")
          assert.deepStrictEqual(yield* everything(place), old)
          if (!asks) waits.push(firstWriteMs() ?? Infinity)
        }).pipe(Effect.scoped),
      90_000
    )

    it.effect.each(picked.map((row, index) => ({ ...row, index })))(
      "nothing is written after $decoy",
      ({ before, by, does, index, labels, says, settles, shows, startedSecondsAgo }) =>
        Effect.gen(function* () {
          const started = yield* Started
          const place = placeOf(`decoy-${run}-${index}`)
          const byPerson = Effect.provide(person(plane.kubeconfig))
          yield* Effect.addFinalizer(() => byPerson(closeShop(place)))
          yield* byPerson(openShop(place))
          if (before !== undefined) yield* byPerson(before(place))
          if (settles !== undefined) yield* byPerson(settles(place))
          yield* Effect.sleep("3500 millis")
          const [pod] = yield* place.pods
          yield* Effect.provide(does(place), person(plane.kubeconfig, by))
          if (shows !== undefined) yield* byPerson(shows(place))
          const broken = yield* everything(place)
          const { run: remediation, writes } = yield* remediate(
            started,
            place,
            labels(place, pod?.metadata.name ?? ""),
            undefined,
            startedSecondsAgo
          )
          const ended = yield* remediation.outcome
          assert.notInclude(["Remediated", "RolledBack"], ended.state, ended.conclusion)
          assert.deepStrictEqual(writes(), [])
          assert.deepStrictEqual(yield* everything(place), broken)
          if (says !== undefined) assert.include(ended.conclusion ?? "", says)
        }).pipe(Effect.scoped),
      90_000
    )
  })
})
