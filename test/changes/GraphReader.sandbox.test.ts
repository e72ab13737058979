import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import type { Service } from "../../src/kubernetes/ObjectModel.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { refTo } from "./objects.ts"
import { suspectsOfBrokenSelector } from "./onCluster.ts"

describe("the suspects on the sandbox", () => {
  it.effect("are the broken selector of the Service that served the pods, by its earlier state", () =>
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      const [service] = yield* client.list("Service", { namespace: "shop" })
      const name = service?.metadata.name ?? ""
      const app = (service as Service | undefined)?.spec?.selector?.["app"] ?? ""
      const found = yield* suspectsOfBrokenSelector(refTo("Service", name), refTo("Deployment", name), app)
      assert.strictEqual(found.finding, "one")
      assert.strictEqual(found.ranked[0]?.relation, `is selected by Service shop/${name}`)
    }).pipe(Effect.provide(Sandbox.layer()))
  )
})
