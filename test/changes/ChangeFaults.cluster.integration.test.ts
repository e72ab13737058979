/**
 * Changes of people that break a shop on a real API server. Without a model, the service takes exactly that change
 * back, and says that it helped.
 */

import { afterAll, assert, describe, layer as shareLayer } from "@effect/vitest"
import { Clock, Context, Effect, Layer } from "effect"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"
import { everything, openShop, person, placeOf, remediate, type Service, startService } from "./faultHarness.ts"
import { faults } from "./faults.ts"

const plane = await controlPlane()
afterAll(plane.stop)

class Started extends Context.Service<Started, Service>()("test/ChangeFaults/Started") {}

const run = Effect.runSync(Clock.currentTimeNanos).toString(36)
const wanted = process.env["KUBERNAUT_FAULTS"]
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
          console.info(`${firstWriteMs()} ms to the first write`)
          if (!asks) assert.isAtMost(firstWriteMs() ?? Infinity, 5000)
        }).pipe(Effect.scoped),
      90_000
    )
  })
})
