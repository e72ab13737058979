import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as AlertCluster from "../../src/intake/AlertCluster.ts"

type Labels = Readonly<Record<string, string>>

const prodA = AlertCluster.make({ cluster: "prod-a", clusterAliases: ["Production"] })

describe("the cluster of an alert", () => {
  it.each<{ what: string; labels: Labels }>([
    { what: "no label", labels: {} },
    { what: "our name", labels: { cluster: "prod-a" } },
    { what: "our name in other case", labels: { cluster: "PROD-A" } },
    { what: "our name between spaces", labels: { cluster: " prod-a\n" } },
    { what: "an alias", labels: { cluster: "production" } },
    { what: "an empty label", labels: { cluster: "" } },
    { what: "a blank label", labels: { cluster: "  " } },
    { what: "our name in a label of OpenTelemetry", labels: { k8s_cluster_name: "prod-a" } },
    { what: "the Prometheus that sent it", labels: { prometheus: "monitoring/k8s", cluster: "prod-a" } },
    { what: "the cluster of a database in a label that is not in the list", labels: { cluster_name: "elastic" } },
    {
      what: "the cluster of a database that the scrape renamed",
      labels: { cluster: "prod-a", exported_cluster: "elastic", namespace: "logging" }
    },
    {
      what: "calls within a cluster to which Istio gives its own name",
      labels: {
        reporter: "source",
        source_cluster: "Kubernetes",
        destination_cluster: "Kubernetes",
        destination_workload: "checkout"
      }
    },
    {
      what: "calls from another cluster",
      labels: {
        reporter: "destination",
        source_cluster: "prod-b",
        destination_cluster: "Kubernetes",
        destination_workload: "checkout"
      }
    }
  ])("is ours with $what", ({ labels }) => {
    assert.isUndefined(prodA(labels))
  })

  it.each<{ what: string; labels: Labels; cluster: string }>([
    { what: "another name", labels: { cluster: "prod-b" }, cluster: "prod-b" },
    { what: "a name that begins with ours", labels: { cluster: "prod-a-2" }, cluster: "prod-a-2" },
    { what: "another name between spaces", labels: { cluster: " prod-b " }, cluster: "prod-b" },
    { what: "another name in a label of OpenTelemetry", labels: { k8s_cluster_name: "prod-b" }, cluster: "prod-b" },
    { what: "another name in OpenTelemetry's attribute", labels: { "k8s.cluster.name": "prod-b" }, cluster: "prod-b" },
    {
      what: "another name in a tag of Datadog",
      labels: { kube_cluster_name: "prod-b", kube_namespace: "shop" },
      cluster: "prod-b"
    },
    {
      what: "another name in a label of Google Cloud",
      labels: { cluster_name: "prod-b", namespace_name: "shop", pod_name: "checkout-1" },
      cluster: "prod-b"
    },
    {
      what: "a federated series whose job was renamed, and whose namespace was not",
      labels: { cluster: "prod-a", exported_cluster: "prod-b", exported_job: "cadvisor", namespace: "shop" },
      cluster: "prod-b"
    },
    {
      what: "calls to another cluster of the mesh",
      labels: {
        reporter: "source",
        source_cluster: "prod-a",
        destination_cluster: "prod-b",
        destination_workload: "checkout"
      },
      cluster: "prod-b"
    },
    { what: "labels that disagree", labels: { cluster: "prod-a", k8s_cluster: "prod-b" }, cluster: "prod-b" },
    {
      what: "a federated series whose labels the scrape renamed",
      labels: { cluster: "prod-a", exported_cluster: "prod-b", exported_namespace: "shop" },
      cluster: "prod-b"
    }
  ])("is another one with $what", ({ cluster, labels }) => {
    const found = prodA(labels)
    assert.strictEqual(found?.cluster, cluster)
    assert.include(found?.reason, `names cluster ${cluster},`)
    assert.include(found?.reason, "cluster prod-a")
  })

  it("comes from the labels that all alerts of a post share, for an alert without the label", () => {
    assert.strictEqual(prodA({}, { cluster: "prod-b" }, null)?.cluster, "prod-b")
    assert.strictEqual(prodA({}, undefined, { cluster: "prod-b" })?.cluster, "prod-b")
    assert.isUndefined(prodA({ cluster: "prod-a" }, { cluster: "prod-b" }))
    assert.strictEqual(prodA({ cluster: "" }, { cluster: "prod-b" })?.cluster, "prod-b")
  })

  it("is unknown without a label: such an alert is accepted, or only recorded if the option says so", () => {
    const strict = AlertCluster.make({ cluster: "prod-a", unlabelledAlerts: "observe" })
    assert.isUndefined(strict({ cluster: "prod-a" }))
    assert.strictEqual(strict({ cluster: "prod-b" })?.cluster, "prod-b")
    for (const labels of [{}, { cluster: " " }]) {
      const found = strict(labels)
      assert.isDefined(found)
      assert.isUndefined(found.cluster)
      assert.match(found.reason, /names no cluster .*prod-a/)
    }
  })

  it("is read from the labels that the options name, and from no other", () => {
    const tenant = AlertCluster.make({ cluster: "prod-a", clusterLabels: ["tenant"] })
    assert.isUndefined(tenant({ cluster: "prod-b" }))
    assert.strictEqual(tenant({ tenant: "prod-b" })?.cluster, "prod-b")
  })

  it.prop("has a name that is safe to store, and is never a reworded name of ours", [Schema.String], ([name]) => {
    const found = prodA({ cluster: name })
    if (found?.cluster === undefined) return
    assert.isTrue(found.cluster.isWellFormed() && !/\p{Cc}/u.test(found.cluster) && found.cluster.length <= 100)
    assert.notInclude(["prod-a", "production"], found.cluster.toLowerCase())
  })
})
