import { assert, describe, it } from "@effect/vitest"
import { displayName } from "../../src/domain/Target.ts"
import { targetOf } from "../../src/intake/AlertTarget.ts"
import { aboutNodes, aboutPods, callers, exporters, matches } from "../../src/intake/Exporters.ts"
import * as LabelConventions from "../../src/intake/LabelConventions.ts"
import { labelShapes } from "./LabelShapes.ts"
import { nodeExporterAlerts, referenceAlerts } from "./ReferenceAlerts.ts"

const rows = [
  ...LabelConventions.traffic,
  ...LabelConventions.workloads,
  ...LabelConventions.pods,
  ...LabelConventions.owners,
  ...LabelConventions.services,
  ...LabelConventions.clusterObjects,
  ...LabelConventions.nodes
]

const objectsOf = (labels: Readonly<Record<string, string>>): ReadonlyArray<string> => {
  const { candidates, target } = targetOf("test", { fingerprint: "f1", labels })
  return (candidates ?? (target.kind === "Alert" ? [] : [target])).map(displayName)
}

describe("the labels of", () => {
  it.each(labelShapes)("$what name exactly the objects that they are about", ({ labels, objects }) => {
    assert.deepStrictEqual(objectsOf(labels), objects)
  })

  it("every convention are among these", () => {
    const untested = rows.filter(
      ({ name, when }) =>
        !labelShapes.some(
          ({ labels }) => (labels[name] ?? labels[`exported_${name}`]) !== undefined && matches(labels, when)
        )
    )
    assert.deepStrictEqual(
      untested.map(({ name, source }) => `${source}: ${name}`),
      []
    )
  })

  it("every exporter and every caller are among these", () => {
    const isTested = (test: (labels: Readonly<Record<string, string>>) => boolean) =>
      labelShapes.some(({ labels }) => test(labels))
    for (const { name, source } of exporters)
      assert.isTrue(
        isTested(({ job = "", pod = "" }) => name.test(job) || name.test(pod)),
        source
      )
    for (const { source, when } of callers)
      assert.isTrue(
        isTested((labels) => matches(labels, when)),
        source
      )
  })

  it("every convention have a source and an address", () => {
    for (const { source, url } of rows) assert.isTrue(source !== "" && url.startsWith("https://"), source)
  })
})

describe("the names of alerting rules", () => {
  it("about nodes are exactly those of the reference alerts whose target is a node", () => {
    const isAboutNode = (name: string) => aboutNodes.some((pattern) => pattern.test(name))
    for (const name of nodeExporterAlerts) assert.isTrue(isAboutNode(name), name)
    for (const { kind, name } of referenceAlerts)
      if (kind !== "Alert") assert.strictEqual(isAboutNode(name), kind === "Node", name)
  })

  it("are never about nodes and about pods at once", () => {
    for (const name of [...nodeExporterAlerts, ...referenceAlerts.map((alert) => alert.name)])
      assert.isFalse(
        [aboutNodes, aboutPods].every((patterns) => patterns.some((pattern) => pattern.test(name))),
        name
      )
  })
})

describe("the node that a scrape adds", () => {
  it.each(referenceAlerts)("changes no target of $name, unless it is about nodes", ({ kind, labels, name }) => {
    const scraped = { service: "app", endpoint: "metrics", namespace: "shop", ...labels, node: "worker-9" }
    const [found] = objectsOf(scraped)
    if (kind === "Node" || aboutNodes.some((pattern) => pattern.test(name))) assert.match(found ?? "", /^Node /)
    else assert.notMatch(found ?? "", /^Node /)
  })
})
