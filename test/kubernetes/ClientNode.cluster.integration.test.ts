import { afterAll, describe } from "@effect/vitest"
import { Layer } from "effect"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import { controlPlane } from "./controlPlane.ts"
import { contract, livePass } from "./KubernetesClient.contract.ts"

const plane = await controlPlane()
afterAll(plane.stop)

// A prefix for the namespaces of this run, so that a control plane can be used again.
const run = `contract-${process.hrtime.bigint().toString(36)}`

describe.skipIf(!plane.available)(`ClientNode on a real control plane${plane.note}`, () => {
  contract("a real API server", Layer.orDie(ClientNode.layer({ kubeconfig: plane.kubeconfig })), {
    run,
    pass: livePass,
    live: true
  })
})
