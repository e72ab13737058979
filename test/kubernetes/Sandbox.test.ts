import { TestClock } from "effect/testing"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { contract } from "./KubernetesClient.contract.ts"

contract("the sandbox", Sandbox.layer(), { run: "contract", pass: TestClock.adjust("200 millis"), live: false })
