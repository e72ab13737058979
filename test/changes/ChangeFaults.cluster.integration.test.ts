/**
 * Changes of people that break a shop on a real API server. Without a model, the service takes exactly that change
 * back, and says that it helped.
 */

import { afterAll, assert, describe, layer as shareLayer } from "@effect/vitest"
import { Clock, Context, Effect, Layer } from "effect"
import type { Remediation } from "../../src/domain/Remediation.ts"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"
import { type Decoy, decoys } from "./decoys.ts"
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

/** Everything that the record says to a person. */
const toldBy = ({ conclusion, decision, investigation }: Remediation): string =>
  [
    conclusion ?? "",
    ...(decision?.reasons ?? []).map(({ message }) => message),
    investigation?.rootCause ?? "",
    ...(investigation?.evidence ?? [])
  ].join(" ")

class Started extends Context.Service<Started, Service>()(
  "kubernaut/test/changes/ChangeFaults.cluster.integration.test/Started"
) {}

const run = Effect.runSync(Clock.currentTimeNanos).toString(36)
const wanted = process.env["KUBERNAUT_FAULTS"]
const picked = wanted === undefined ? decoys : decoys.filter(({ decoy }) => new RegExp(wanted).test(decoy))
const rows = wanted === undefined ? faults : faults.filter(({ fault }) => new RegExp(wanted).test(fault))

/** A fault that the service takes back before the decoy, with another alert. */
const takenBackFirst = Effect.fnUntraced(function* (
  started: Service,
  place: ReturnType<typeof placeOf>,
  { remediated }: Decoy,
  pod: string
) {
  if (remediated === undefined) return
  const byPerson = Effect.provide(person(plane.kubeconfig))
  const old = yield* everything(place)
  yield* byPerson(remediated.does(place))
  yield* byPerson(remediated.shows(place))
  const first = yield* remediate(started, place, remediated.labels(place, pod), old)
  const ended = yield* first.run.outcome
  assert.strictEqual(ended.state, "Remediated", toldBy(ended))
})

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
      180_000
    )

    it.effect.each(picked.map((row, index) => ({ ...row, index })))(
      "nothing is written after $decoy",
      ({ index, ...row }) =>
        Effect.gen(function* () {
          const started = yield* Started
          const place = placeOf(`decoy-${run}-${index}`, plane.kubeconfig)
          const byPerson = Effect.provide(person(plane.kubeconfig))
          yield* Effect.addFinalizer(() =>
            byPerson(Effect.andThen(Effect.ignore(row.after?.(place) ?? Effect.void), closeShop(place)))
          )
          yield* byPerson(openShop(place))
          if (row.before !== undefined) yield* byPerson(row.before(place))
          if (row.settles !== undefined) yield* byPerson(row.settles(place))
          yield* Effect.sleep("3500 millis")
          const [pod] = yield* place.pods
          yield* takenBackFirst(started, place, row, pod?.metadata.name ?? "")
          const { sight } = started
          if (row.unwatched !== undefined) {
            yield* sight.lose(row.unwatched.kind)
            yield* Effect.addFinalizer(() => sight.regain(row.unwatched!.kind))
          }
          yield* Effect.provide(row.does(place), person(plane.kubeconfig, row.by))
          if (row.unwatched?.still === false) {
            yield* sight.regain(row.unwatched.kind)
            // The watch is opened again after a pause.
            yield* Effect.sleep("5 seconds")
          }
          if (row.shows !== undefined) yield* byPerson(row.shows(place))
          const broken = yield* everything(place)
          const { run: remediation, writes } = yield* remediate(
            started,
            place,
            row.labels(place, pod?.metadata.name ?? ""),
            undefined,
            row.startedSecondsAgo
          )
          const ended = yield* remediation.outcome
          const told = toldBy(ended)
          assert.notInclude(["Remediated", "RolledBack"], ended.state, told)
          assert.deepStrictEqual(writes(), [], told)
          assert.deepStrictEqual(yield* everything(place), broken)
          for (const text of row.says) assert.include(told, text)
          if (row.neverSays !== undefined) assert.notInclude(told, row.neverSays)
        }).pipe(Effect.scoped),
      180_000
    )
  })
})
