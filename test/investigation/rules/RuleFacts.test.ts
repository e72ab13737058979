import { assert, describe, it } from "@effect/vitest"
import type { InvestigationRequest } from "../../../src/investigation/Investigator.ts"
import { factsOf } from "../../../src/investigation/rules/RuleFacts.ts"
import { evidence, observed, pod, request, target } from "../fixtures/Requests.ts"

describe("facts", () => {
  const facts = (changes: Partial<InvestigationRequest>) => [...factsOf(request(changes))]

  it("no fact holds when the state could not be read", () => {
    assert.deepStrictEqual(facts({ observed: null }), [])
  })

  it("a rollout is not the cause of an alert that starts more than an hour after it", () => {
    const old = evidence({
      revisions: [
        { revision: 2, current: true, replicas: 2, readyReplicas: 0, createdAt: "2026-11-23T00:00:00Z", images: [] },
        { revision: 1, current: false, replicas: 0, readyReplicas: 0, createdAt: "2026-11-01T00:00:00Z", images: [] }
      ]
    })
    assert.notInclude(facts({ evidence: old, observed: observed({ conditions: [] }) }), "bad-rollout")
  })

  it("the only revision is never a bad rollout", () => {
    const only = evidence({
      revisions: [
        { revision: 1, current: true, replicas: 2, readyReplicas: 0, createdAt: "2026-11-24T02:50:00Z", images: [] }
      ]
    })
    assert.notInclude(facts({ evidence: only }), "bad-rollout")
  })

  it("a newest revision with ready pods is not a bad rollout, even when other pods crash", () => {
    const works = evidence()
    const revisions = works.revisions.map((revision) => ({ ...revision, readyReplicas: 1 }))
    assert.notInclude(facts({ evidence: { ...works, revisions } }), "bad-rollout")
  })

  it("without revisions, a later revision with ready replicas beside broken pods is a bad rollout", () => {
    assert.include(facts({}), "bad-rollout")
    assert.notInclude(facts({ observed: observed({ revision: 1 }) }), "bad-rollout")
    assert.notInclude(facts({ observed: observed({ readyReplicas: 0 }) }), "bad-rollout")
  })

  it("one-pod-broken needs a second pod that is ready, and a node for the broken one", () => {
    const broken = pod("a", { ready: false })
    assert.include(facts({ observed: observed({ pods: [broken, pod("b")] }) }), "one-pod-broken")
    assert.notInclude(facts({ observed: observed({ pods: [broken] }) }), "one-pod-broken")
    assert.notInclude(facts({ observed: observed({ pods: [broken, pod("b", { ready: false })] }) }), "one-pod-broken")
    assert.notInclude(
      facts({ observed: observed({ pods: [{ ...broken, reason: "Unschedulable" }, pod("b")] }) }),
      "one-pod-broken"
    )
  })

  it("only a Deployment can have a bad rollout", () => {
    assert.notInclude(facts({ target: { ...target, kind: "StatefulSet" } }), "bad-rollout")
  })
})
