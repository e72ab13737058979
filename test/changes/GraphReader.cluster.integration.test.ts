/** The dependency graph read from a real API server. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { afterAll } from "vitest"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import * as real from "../execution/realCluster.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"
import { suspectsOfBrokenSelector } from "./onCluster.ts"

const plane = await controlPlane()
afterAll(() => plane.stop())

describe.skipIf(!plane.available)(`the suspects on a real API server${plane.note}`, () => {
  it.live(
    "are the broken selector of the Service that served the pods, by its earlier state",
    () =>
      Effect.gen(function* () {
        yield* real.openNamespace
        yield* real.deploy("web")
        const found = yield* suspectsOfBrokenSelector(real.on("Service", "web"), real.on("Deployment", "web"), "web")
        assert.strictEqual(found.finding, "one", JSON.stringify(found))
        assert.strictEqual(found.ranked[0]?.relation, `is selected by Service ${real.namespace}/web`)
      }).pipe(Effect.provide(Layer.orDie(ClientNode.layer({ kubeconfig: plane.kubeconfig })))),
    180_000
  )
})
