import { assert, describe, it } from "@effect/vitest"
import { JsonPatch, Schema } from "effect"
import * as FieldPath from "../../src/domain/FieldPath.ts"

const deployment = (containers: ReadonlyArray<object>, more: object = {}) => ({
  metadata: { labels: { "app.kubernetes.io/name": "checkout" } },
  spec: { replicas: 3, template: { spec: { containers } }, ...more }
})
const app = { name: "app", image: "shop/checkout:1", env: [{ name: "LOG", value: "info" }] }
const proxy = { name: "proxy", image: "envoy:1" }

const shown = (before: unknown, after: unknown) =>
  FieldPath.differences(before, after).map(({ after, before, path }) => [
    FieldPath.display(path),
    before ?? null,
    after ?? null
  ])

describe("differences", () => {
  it("finds a container by its name, wherever it is in the list", () => {
    const before = deployment([app, proxy])
    const after = deployment([proxy, { ...app, image: "shop/checkout:2" }])
    assert.deepStrictEqual(shown(before, after), [
      ["spec.template.spec.containers[app].image", "shop/checkout:1", "shop/checkout:2"]
    ])
  })

  it("shows a container that was added as one field", () => {
    assert.deepStrictEqual(shown(deployment([app]), deployment([app, proxy])), [
      ["spec.template.spec.containers[proxy]", null, proxy]
    ])
  })

  it("shows a list whose items have nothing in common as one value", () => {
    assert.deepStrictEqual(shown({ spec: { args: ["a", "b"] } }, { spec: { args: ["b"] } }), [
      ["spec.args", ["a", "b"], ["b"]]
    ])
    const ports = (port: number) => ({ spec: { ports: [{ port }, { port: 9090 }] } })
    assert.deepStrictEqual(shown(ports(80), ports(81)), [
      ["spec.ports", [{ port: 80 }, { port: 9090 }], [{ port: 81 }, { port: 9090 }]]
    ])
  })

  it("shows a list in another order as one value", () => {
    assert.strictEqual(shown(deployment([app, proxy]), deployment([proxy, app])).length, 1)
  })

  it("does not lose another order behind an item that differs, or that is new", () => {
    const [first, second] = [{ name: "a" }, { name: "b" }]
    for (const after of [
      [second, { name: "a", image: "new" }],
      [second, first, { name: "c" }]
    ])
      assert.deepStrictEqual(FieldPath.differences({ items: [first, second] }, { items: after }), [
        { path: ["items"], before: [first, second], after }
      ])
  })

  it("quotes a name with dots or slashes", () => {
    const after = { ...deployment([app]), metadata: { labels: {} } }
    assert.deepStrictEqual(shown(deployment([app]), after), [
      [`metadata.labels["app.kubernetes.io/name"]`, "checkout", null]
    ])
  })

  it("never takes a name of an object's prototype for a field", () => {
    assert.deepStrictEqual(shown({ data: {} }, { data: { constructor: "x" } }), [["data.constructor", null, "x"]])
    assert.isUndefined(FieldPath.valueAt({ data: {} }, ["data", "constructor"]))
  })

  it("differs between null and absent", () => {
    assert.strictEqual(FieldPath.differences({ a: null }, {}).length, 1)
  })
})

describe("pointerIn", () => {
  it("points at the item where it is in this object", () => {
    const path = ["spec", "template", "spec", "containers", { by: "name", value: "proxy" }, "image"] as const
    assert.strictEqual(FieldPath.pointerIn(deployment([app, proxy]), path), "/spec/template/spec/containers/1/image")
    assert.strictEqual(FieldPath.pointerIn(deployment([proxy, app]), path), "/spec/template/spec/containers/0/image")
  })

  it("points behind the last item for one that does not exist", () => {
    const path = ["spec", "template", "spec", "containers", { by: "name", value: "proxy" }] as const
    assert.strictEqual(FieldPath.pointerIn(deployment([app]), path), "/spec/template/spec/containers/1")
  })

  it("has no pointer into an item that does not exist", () => {
    const path = ["spec", "template", "spec", "containers", { by: "name", value: "proxy" }, "image"] as const
    assert.isUndefined(FieldPath.pointerIn(deployment([app]), path))
  })

  it("escapes names", () => {
    assert.strictEqual(FieldPath.pointerIn({}, ["metadata", "labels", "a/b~c"]), "/metadata/labels/a~1b~0c")
  })
})

/** Puts every earlier value back, the last difference first, so that indexes stay right. */
const restored = (after: unknown, differences: ReadonlyArray<FieldPath.FieldDifference>): unknown =>
  differences.toReversed().reduce<unknown>((object, { before, path }) => {
    if (path.length === 0) return before
    const exists = FieldPath.valueAt(object, path) !== undefined
    const pointer = FieldPath.pointerIn(object, path)!
    const operation =
      before === undefined
        ? { op: "remove" as const, path: pointer }
        : { op: exists ? ("replace" as const) : ("add" as const), path: pointer, value: before }
    return JsonPatch.apply([operation], object as Schema.Json)
  }, after)

const byName = (value: unknown): unknown => {
  if (Array.isArray(value)) {
    const items = value.map(byName)
    return items.every((item) => typeof item === "object" && item !== null && "name" in item)
      ? items.toSorted((left, right) => ((left as { name: string }).name < (right as { name: string }).name ? -1 : 1))
      : items
  }
  return typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, byName(each)]))
    : value
}

const Leaf = Schema.Union([Schema.Literals(["a", "b"]), Schema.Int, Schema.Boolean, Schema.Null])
const Named = Schema.Struct({ name: Schema.Literals(["x", "y", "z"]), value: Schema.optionalKey(Leaf) })
const Tree = Schema.Struct({
  a: Schema.optionalKey(Leaf),
  "b/c": Schema.optionalKey(Schema.Struct({ d: Schema.optionalKey(Leaf), e: Schema.optionalKey(Schema.Array(Leaf)) })),
  items: Schema.optionalKey(Schema.Array(Named))
})

it.prop(
  "putting the differences back yields the earlier state, but for the order of named items",
  [Tree, Tree],
  ([before, after]) => {
    assert.deepStrictEqual(byName(restored(after, FieldPath.differences(before, after))), byName(before))
  }
)
