import { afterAll, it } from "@effect/vitest"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import { controlPlane } from "./controlPlane.ts"
import { contract, livePass } from "./KubernetesClient.contract.ts"

const plane = await controlPlane()

if (plane._tag === "Unavailable") {
  it.skip(`a real API server keeps the contract (skipped: ${plane.reason})`)
} else {
  afterAll(plane.stop)
  const run = `contract-${process.pid.toString(36)}-${process.hrtime.bigint().toString(36).slice(-5)}`
  contract("a real API server", ClientNode.layer({ kubeconfig: plane.kubeconfig }), { run, pass: livePass, live: true })
}
