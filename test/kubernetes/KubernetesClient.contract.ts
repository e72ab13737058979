/**
 * The contract of the port: what the sandbox and the client of a real API server have in common.
 *
 * Each test creates its own objects through the port, in namespaces of this run, and waits with `pass` for the expected
 * state: the sandbox advances its test clock, and a real cluster takes real time.
 */

import { describe, layer as shareLayer } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import type { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import * as OwnerResolver from "../../src/kubernetes/OwnerResolver.ts"
import { claims } from "./contract/Claims.ts"
import { creates } from "./contract/Creates.ts"
import { deletions } from "./contract/Deletions.ts"
import { deployments } from "./contract/Deployments.ts"
import { dryRuns } from "./contract/DryRuns.ts"
import { evictions } from "./contract/Evictions.ts"
import { type ContractTests, Fixtures } from "./contract/Fixtures.ts"
import { logs } from "./contract/Logs.ts"
import { patches } from "./contract/Patches.ts"
import { placement } from "./contract/Placement.ts"
import { reads } from "./contract/Reads.ts"
import { refusedPods } from "./contract/RefusedPods.ts"
import { rights } from "./contract/Rights.ts"
import { statefulWorkloads } from "./contract/StatefulWorkloads.ts"
import { watches } from "./contract/Watches.ts"

const promises: ReadonlyArray<readonly [what: string, tests: (it: ContractTests) => void]> = [
  ["get, list and probe", reads],
  ["rights", rights],
  ["create", creates],
  ["patch", patches],
  ["patch of a volume claim", claims],
  ["dry run", dryRuns],
  ["delete", deletions],
  ["evict", evictions],
  ["logs", logs],
  ["watch", watches],
  ["Deployments", deployments],
  ["StatefulSets and Jobs", statefulWorkloads],
  ["pods that may not exist", refusedPods],
  ["owners and nodes", placement]
]

/** Runs the contract against one implementation. */
export const contract = (name: string, layer: Layer.Layer<KubernetesClient>, fixtures: Fixtures["Service"]): void => {
  const services = OwnerResolver.layer({ interval: "1 second" }).pipe(
    Layer.provideMerge(layer),
    Layer.merge(Layer.succeed(Fixtures, fixtures))
  )
  describe(`${name} keeps the contract`, () => {
    shareLayer(services, { excludeTestServices: fixtures.live, timeout: "2 minutes" })((it) => {
      describe.each(promises)("%s", (_, tests) => {
        tests(it)
      })
    })
  })
}

/** How long one `pass` of a real cluster takes. */
export const livePass = Effect.sleep(Duration.millis(200))
