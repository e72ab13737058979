import { assert, describe, it } from "@effect/vitest"
import { movesOf } from "../../src/execution/actions/Destinations.ts"
import { hostsInText } from "../../src/execution/actions/HostTexts.ts"
import { made } from "./restoring.ts"

const spot = (known: ReadonlyArray<string> = ["blue"]) => ({
  place: "app",
  key: "",
  namespace: "shop",
  isKnown: ({ name, namespace }: { readonly name: string; readonly namespace: string }) =>
    known.includes(namespace === "shop" ? name : `${namespace}/${name}`)
})
const found = (text: string, known?: ReadonlyArray<string>) =>
  hostsInText(text, spot(known)).map(({ place, service }) => `${place}: ${service.namespace}/${service.name}`)

describe("the place of a host", () => {
  it("is where the keys above it lead", () => {
    const text =
      "db:\n  primary:\n    host: blue\n  replicas:\n  - name: r1\n    host: blue\n  - blue\nurl: http://blue:80"
    assert.deepStrictEqual(found(text), [
      "app/db/primary/host: shop/blue",
      "app/db/replicas[r1]/host: shop/blue",
      "app/db/replicas[]: shop/blue",
      "app/url: shop/blue"
    ])
  })

  it("is that of its list, also after an item with a block of its own", () => {
    const text = "a:\n  - primary:\n      host: blue\n    log: blue\n  - host: blue"
    assert.deepStrictEqual(found(text), [
      "app/a[]/primary/host: shop/blue",
      "app/a[]/log: shop/blue",
      "app/a[]/host: shop/blue"
    ])
  })

  it("is its section or block", () => {
    assert.deepStrictEqual(found("[read]\r\nhost = blue\r\n[write]\r\nhost = blue"), [
      "app/[read]/host: shop/blue",
      "app/[write]/host: shop/blue"
    ])
    assert.deepStrictEqual(found("upstream read {\n  server blue:80;\n}\nupstream write {\n  server blue:80;\n}"), [
      "app/upstream read {/server: shop/blue",
      "app/upstream write {/server: shop/blue"
    ])
  })
})

describe("a host", () => {
  it.each([
    ["blue", ["shop/blue"]],
    ["blue.shop", ["shop/blue"]],
    ["blue.shop.svc", ["shop/blue"]],
    ["blue.shop.svc.cluster.local.", ["shop/blue"]],
    ["blue-0.blue", ["shop/blue"]],
    ["blue-0.blue.shop.svc.cluster.local", ["shop/blue"]],
    ["blue.other", ["other/blue"]],
    ["blue.com", []],
    ["blue.abc.rds.amazonaws.com", []],
    ["blue_1", []],
    ["my-blue", []]
  ])("is that of a Service by its name and namespace: %s", (text, services) => {
    assert.deepStrictEqual(
      found(text, ["blue", "other/blue"]),
      services.map((each) => `app: ${each}`)
    )
  })
})

describe("a large text", () => {
  it("costs a question for each of its words, and is read for no more where no Service has such a name", () => {
    const asked = (words: number, separator: string): number => {
      let count = 0
      const config = (letter: string) =>
        made("ConfigMap", {
          data: { list: Array.from({ length: words }, (_, index) => `${letter}${index}`).join(separator) }
        })
      const moves = movesOf({ now: config("b"), earlier: config("a") }, () => {
        count += 1
        return false
      })
      assert.deepStrictEqual(moves, [])
      return count
    }
    for (const separator of ["\n", " ", ", "]) assert.strictEqual(asked(20_000, separator), 2 * 20_000)
  })
})
