import { assert, describe, it } from "@effect/vitest"
import { failureIn } from "../../src/kubernetes/FailureOfReason.ts"

/** What controllers quote in conditions and events, word for word. */
const quoted: ReadonlyArray<readonly [what: string, text: string, code: string | undefined]> = [
  [
    "a quota, by a ReplicaSet",
    `pods "web-7d4b9c-x2k" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=2, limited: pods=2`,
    "quota-exceeded"
  ],
  [
    "a quota, by a StatefulSet",
    `create Pod db-0 in StatefulSet db failed error: pods "db-0" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=2, limited: pods=2`,
    "quota-exceeded"
  ],
  [
    "a LimitRange, by a DaemonSet",
    `Error creating: pods "agent-x2k" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi`,
    "limit-range"
  ],
  [
    "Pod Security",
    `Error creating: pods "web-x2k" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false`,
    "pod-security"
  ],
  ["a webhook", `Error creating: admission webhook "freeze.example.com" denied the request: no`, "webhook-denied"],
  [
    "a policy",
    `Error creating: pods "web-x2k" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no`,
    "policy-denied"
  ],
  [
    "a webhook that is away",
    `Error creating: Internal error occurred: failed calling webhook "w.example.com": failed to call webhook: Post "https://w": refused`,
    "webhook-unreachable"
  ],
  [
    "a ServiceAccount that does not exist",
    `Error creating: pods "web-x2k" is forbidden: error looking up service account shop/web: serviceaccount "web" not found`,
    "admission-denied"
  ],
  ["something else", "Error creating: the server was asked to stop", undefined]
]

describe("the refusal that a controller quotes", () => {
  it.each(quoted)("of %s has its code", (_, text, code) => {
    assert.strictEqual(failureIn(text)?.code, code)
  })
})
