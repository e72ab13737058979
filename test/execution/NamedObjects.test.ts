import { assert, describe, it } from "@effect/vitest"
import type { ResourceRef } from "../../src/domain/Target.ts"
import { onlyIn } from "../../src/execution/actions/NamedObjects.ts"
import { endpointObjections } from "../../src/execution/actions/RestoredEndpoints.ts"
import { made } from "./restoring.ts"

const service = (name: string, namespace = "shop"): ResourceRef => ({ namespace, kind: "Service", name })

describe("the objects of one list that are not in another", () => {
  it("are there once each, in their order", () => {
    const these = [service("a"), service("b"), service("a"), service("c"), service("b", "other"), service("b")]
    assert.deepStrictEqual(onlyIn(these, [service("c"), service("b", "elsewhere")]), [
      service("a"),
      service("b"),
      service("b", "other")
    ])
  })

  it("cost a read of each, however many there are: a ConfigMap may have as many as words", () => {
    const readsOf = (count: number): number => {
      let reads = 0
      const all = Array.from({ length: count }, (_, index) => ({
        namespace: "shop",
        kind: "Service",
        get name() {
          reads += 1
          return `host-${index}`
        }
      }))
      onlyIn(all, all.slice(0, count / 2))
      return reads
    }
    assert.isAtMost(readsOf(4000), 2 * readsOf(2000))
  })
})

describe("the words of a large ConfigMap", () => {
  it("are looked up among the Services, and not the other way round", () => {
    const readsOf = (words: number): number => {
      let reads = 0
      const services = Array.from({ length: 50 }, (_, index) => ({
        ...made("Service", { spec: { selector: { app: "a" } } }),
        get metadata() {
          reads += 1
          return { namespace: "shop", name: `service-${index}`, uid: `uid-${index}`, resourceVersion: "1" }
        }
      }))
      const config = (letter: string) =>
        made("ConfigMap", { data: { list: Array.from({ length: words }, (_, at) => `${letter}${at}.com`).join("\n") } })
      endpointObjections({ now: config("b"), earlier: config("a") }, { subject: undefined, related: services })
      return reads
    }
    assert.strictEqual(readsOf(4000), readsOf(1000))
  })
})
