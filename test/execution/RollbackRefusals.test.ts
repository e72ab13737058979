/** Rollbacks of StatefulSets and DaemonSets that are refused before anything is written. */

import { assert, describe, it } from "@effect/vitest"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { controllerRevision, daemonSet, statefulSet, template } from "./objects.ts"
import { on, planOf, rollback } from "./plans.ts"

const set = (spec: object = {}) => statefulSet({ template: template("db:2"), ...spec })
const agent = (spec: object = {}) => daemonSet({ template: template("agent:2"), ...spec })
const others = { ...set(), metadata: { ...set().metadata, uid: "uid-other" } }
const onDelete = { updateStrategy: { type: "OnDelete" } }
const partition = { updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 1 } } }
const earlier = (subject: KubernetesObject) => [controllerRevision(subject, 1, "earlier:1")]

const refusals: ReadonlyArray<
  readonly [
    rule: string,
    claim: string,
    subject: KubernetesObject,
    related: ReadonlyArray<KubernetesObject>,
    toRevision?: number
  ]
> = [
  ["no-earlier-revision", "of a StatefulSet with one revision", set(), [controllerRevision(set(), 1, "db:2")]],
  ["no-earlier-revision", "of a StatefulSet without revisions", set(), []],
  ["no-earlier-revision", "of a StatefulSet when only another one has two", set(), earlier(others)],
  ["no-earlier-revision", "of a DaemonSet with one revision", agent(), [controllerRevision(agent(), 1, "agent:2")]],
  ["no-such-revision", "of a StatefulSet to a revision that is gone", set(), earlier(set()), 7],
  ["no-such-revision", "of a DaemonSet to a revision that is gone", agent(), earlier(agent()), 7],
  ["on-delete", "of a StatefulSet with OnDelete", set(onDelete), earlier(set())],
  ["on-delete", "of a DaemonSet with OnDelete", agent(onDelete), earlier(agent())],
  ["partitioned", "of a StatefulSet with a partition", set(partition), earlier(set())]
]

describe("a rollback is refused", () => {
  for (const [rule, claim, subject, related, toRevision] of refusals) {
    it(`${rule}: ${claim}`, () => {
      const result = planOf(rollback(toRevision, on(subject.kind, subject.metadata.name)), subject, related)
      assert.strictEqual(result._tag === "PlanRefusal" ? result.rule : result._tag, rule)
    })
  }
})
