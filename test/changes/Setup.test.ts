import { assert, describe, it } from "@effect/vitest"
import { type SetupFacts, setupOf } from "../../src/changes/Setup.ts"
import { deployment, service } from "./objects.ts"
import { at, broken, created, deleted, modified, pod, ref, startsMs, state, target } from "./scenes.ts"

const since = (seconds: number, status: "True" | "False" = "True") => {
  const object = deployment("checkout")
  return {
    ...object,
    metadata: { ...object.metadata, creationTimestamp: at(-600) },
    status: { conditions: [{ type: "Available", status, lastTransitionTime: at(seconds) }] }
  }
}

const facts = (rest: Partial<SetupFacts> = {}): SetupFacts => ({
  target,
  objects: [since(-590)],
  observed: state({ pods: [pod("checkout-1", { readinessSince: at(-590) })] }),
  isDeleted: false,
  creations: [],
  ...rest
})

const creation = (of: ReturnType<typeof ref>, seconds: number, distance: number) => ({
  ref: of,
  distance,
  atMs: startsMs + seconds * 1000
})

const quota = (seconds: number) => created(ref("ResourceQuota", "team"), seconds)
const failing = state({ pods: [broken("checkout-1", "Error", -5)] })

describe("the setup of a target", () => {
  it("is what was created before the target first served", () => {
    const isSetup = setupOf(facts())
    assert.isDefined(isSetup(quota(-595), []))
    assert.isUndefined(isSetup(quota(-20), []))
  })

  it("is no change of what exists, and not the creation of the target", () => {
    const isSetup = setupOf(facts())
    assert.isUndefined(isSetup(modified(ref("ResourceQuota", "team"), -595, ["spec", "hard"]), []))
    assert.isUndefined(isSetup(created(target, -600), []))
  })

  it("is what was created one after the other with the target, if nothing says that it ever served", () => {
    const creations = [-597, -599, -595, -590, -20].map((seconds) => creation(ref("ResourceQuota", "a"), seconds, 2))
    const isSetup = setupOf(facts({ observed: failing, objects: [since(-5, "False")], creations }))
    assert.deepStrictEqual(
      [-602, -599, -595, -590, -20].map((seconds) => isSetup(quota(seconds), []) !== undefined),
      [true, true, true, false, false]
    )
  })

  it("is nothing that came after the target, although its pods were replaced since and one is ready", () => {
    const replaced = pod("checkout-9", { createdAt: at(-12), readinessSince: at(-10) })
    const isSetup = setupOf(facts({ observed: state({ pods: [replaced] }), objects: [since(-13, "False")] }))
    assert.isUndefined(isSetup(quota(-20), []))
  })

  it("is nothing that came long after the target, although the target became available again since", () => {
    const object = since(-10)
    const old = { ...object, metadata: { ...object.metadata, creationTimestamp: at(-86_400) } }
    const isSetup = setupOf(facts({ observed: failing, objects: [old] }))
    assert.isUndefined(isSetup(quota(-20), []))
    assert.isDefined(isSetup(quota(-86_500), []))
  })

  it("of a Service is what was there when its workload first served", () => {
    const isSetup = setupOf(
      facts({ target: ref("Service", "checkout"), observed: null, objects: [service("checkout", {}), since(-590)] })
    )
    assert.isDefined(isSetup(quota(-595), []))
    assert.isUndefined(isSetup(quota(-20), []))
  })

  it("of a Service of which nothing could be read is what was there before its workload", () => {
    const of = ref("Service", "checkout")
    const creations = [creation(of, -600, 0), creation(target, -500, 1), creation(ref("CronJob", "report"), -10, 2)]
    const isSetup = setupOf(facts({ target: of, observed: null, objects: [], creations }))
    assert.isDefined(isSetup(quota(-550), []))
    assert.isUndefined(isSetup(quota(-20), []))
  })

  it("is unknown where the target is, and then nothing belongs to it", () => {
    assert.isUndefined(setupOf(facts({ observed: null, objects: [] }))(quota(-595), []))
  })

  it("is an object that was changed after it was created", () => {
    const policy = ref("NetworkPolicy", "checkout")
    const later = modified(policy, -10, ["spec", "ingress"])
    const isSetup = setupOf(facts())
    assert.isDefined(isSetup(created(policy, -20), [later]))
    assert.isUndefined(isSetup(later, [later]))
    assert.isUndefined(isSetup(created(policy, -5), [later]))
  })

  it("is everything around a target that was deleted, and not its deletion", () => {
    const isSetup = setupOf(facts({ isDeleted: true, observed: null, objects: [] }))
    assert.isDefined(isSetup(quota(-20), []))
    assert.isUndefined(isSetup(deleted(target, -10), []))
  })
})
