import { assert, describe, it } from "@effect/vitest"
import type { Manager } from "../../src/domain/WorkloadState.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { otherWriterOf, managementOf, managersOf } from "../../src/kubernetes/Managers.ts"

type Metadata = KubernetesObject["metadata"]

const object = (metadata: Partial<Metadata> = {}, kind = "Deployment"): KubernetesObject => ({
  apiVersion: "apps/v1",
  kind,
  metadata: { namespace: "shop", name: "web", uid: "uid", resourceVersion: "7", ...metadata }
})

const managedBy = (value: string) => ({ labels: { "app.kubernetes.io/managed-by": value } })
const writtenBy = (manager: string) => ({ managedFields: [{ manager: "kubectl" }, { manager }] })

const owner = (apiVersion: string, kind: string, controller?: boolean) => ({
  ownerReferences: [{ apiVersion, kind, name: "o", uid: "uid-o", ...(controller === undefined ? {} : { controller }) }]
})

describe("managersOf", () => {
  it.each([
    ["helm", managedBy("Helm")],
    ["helm", { annotations: { "meta.helm.sh/release-name": "shop" } }],
    ["helm", { labels: { heritage: "Tiller" } }],
    ["helm", writtenBy("helm")],
    ["argocd", { annotations: { "argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web" } }],
    ["argocd", { labels: { "argocd.argoproj.io/instance": "shop" } }],
    ["argocd", writtenBy("argocd-controller")],
    ["argocd", { annotations: { "argocd.argoproj.io/sync-wave": "2" } }],
    ["argocd", managedBy("argocd")],
    ["helm", managedBy("helm")],
    ["flux", managedBy("flux")],
    ["kapp", managedBy("kapp-controller")],
    ["operator", managedBy("spinnaker")],
    ["operator", { annotations: { "moniker.spinnaker.io/application": "shop" } }],
    ["operator", { labels: { "karmada.io/managed": "true" } }],
    ["operator", { labels: { "app.oam.dev/component": "web" } }],
    ["operator", { labels: { "tanka.dev/environment": "shop" } }],
    ["operator", { annotations: { "projectsveltos.io/hash": "1f" } }],
    ["flux", { labels: { "kustomize.toolkit.fluxcd.io/name": "shop" } }],
    ["flux", { labels: { "helm.toolkit.fluxcd.io/name": "shop" } }],
    ["flux", writtenBy("kustomize-controller")],
    ["flux", writtenBy("helm-controller")],
    ["fleet", { labels: { "fleet.cattle.io/bundle-name": "shop" } }],
    ["fleet", { annotations: { "objectset.rio.cattle.io/id": "default-shop" } }],
    ["fleet", { labels: { "objectset.rio.cattle.io/hash": "1f" } }],
    ["kapp", { labels: { "kapp.k14s.io/app": "1700000000" } }],
    ["kapp", { annotations: { "kapp.k14s.io/identity": "v1;shop/apps/Deployment/web;apps/v1" } }],
    ["config-sync", { annotations: { "configmanagement.gke.io/managed": "enabled" } }],
    ["config-sync", { annotations: { "configsync.gke.io/resource-id": "apps_deployment_shop_web" } }],
    ["config-sync", managedBy("configmanagement.gke.io")],
    ["config-sync", writtenBy("configsync")],
    ["terraform", writtenBy("Terraform")],
    ["terraform", writtenBy("HashiCorp")],
    ["terraform", managedBy("terraform")],
    ["pulumi", writtenBy("pulumi-kubernetes-4f2a")],
    ["crossplane", { labels: { "crossplane.io/composite": "shop-x7" } }],
    ["crossplane", { annotations: { "crossplane.io/composition-resource-name": "web" } }],
    ["keda", { labels: { "scaledobject.keda.sh/name": "web" } }],
    ["keda", managedBy("keda-operator")],
    ["olm", { labels: { "olm.owner": "shop-operator.v1.2.0" } }],
    ["operator", managedBy("strimzi-cluster-operator")],
    ["operator", { labels: { "addonmanager.kubernetes.io/mode": "Reconcile" } }],
    ["operator", owner("keda.sh/v1alpha1", "ScaledObject", true)],
    ["operator", owner("cache.example/v1", "Memcached")],
    ["operator", owner("apps.kruise.io/v1beta1", "StatefulSet", true)],
    ["operator", owner("v1", "ConfigMap", true)]
  ] as ReadonlyArray<readonly [Manager, Partial<Metadata>]>)("recognizes %s by %j", (manager, metadata) => {
    assert.deepStrictEqual(managersOf(object(metadata)), [manager])
  })

  it.each([
    [{ labels: { helm: "x", "app.kubernetes.io/managed-by": "kustomize", "app.kubernetes.io/instance": "shop" } }],
    [writtenBy("kubernaut")],
    [writtenBy("kubectl-client-side-apply")],
    [{ annotations: { "configmanagement.gke.io/managed": "disabled" } }],
    [{ managedFields: [{ manager: "keda", subresource: "scale" }] }],
    [{ managedFields: [{ manager: "argocd-rollouts", subresource: "status" }] }],
    [owner("apps/v1", "ReplicaSet", true)],
    [owner("v1", "Node", true)],
    [owner("v1", "ConfigMap")],
    [owner("rbac.authorization.k8s.io/v1", "ClusterRole")]
  ] as ReadonlyArray<readonly [Partial<Metadata>]>)("recognizes no manager by %j", (metadata) => {
    assert.isEmpty(managersOf(object(metadata)))
  })

  it("recognizes every manager of an object, in a fixed order", () => {
    const labels = { "app.kubernetes.io/managed-by": "Helm", "kustomize.toolkit.fluxcd.io/name": "shop" }
    const autoscaler = object({}, "HorizontalPodAutoscaler")
    assert.deepStrictEqual(managersOf(object({ labels, ...owner("example.com/v1", "Shop", true) }), autoscaler), [
      "helm",
      "flux",
      "operator",
      "hpa"
    ])
  })
})

describe("managementOf", () => {
  it("names the owner, and whether it controls the object", () => {
    assert.deepStrictEqual(managementOf(object(owner("argoproj.io/v1alpha1", "Rollout", true)), undefined), {
      managers: ["operator"],
      owner: { group: "argoproj.io", kind: "Rollout", name: "o", controls: true }
    })
    assert.isFalse(managementOf(object(owner("cache.example/v1", "Memcached")), undefined).owner?.controls)
  })

  it("keeps the marks of the autoscaler apart from those of the object", () => {
    const autoscaler = object(managedBy("Helm"), "HorizontalPodAutoscaler")
    const ref = { namespace: "shop", kind: "HorizontalPodAutoscaler", name: "web" }
    assert.deepStrictEqual(managementOf(object(), autoscaler), {
      managers: ["hpa"],
      managedParts: [{ ref, managers: ["helm"] }]
    })
    assert.deepStrictEqual(managementOf(object(managedBy("Helm")), object({}, "HorizontalPodAutoscaler")), {
      managers: ["helm", "hpa"]
    })
  })
})

describe("otherWriterOf", () => {
  const entry = (manager: string, second: number, field = "f:spec", subresource?: string) => ({
    manager,
    time: `2026-11-24T03:00:0${second}Z`,
    fieldsV1: { [field]: {} },
    ...(subresource === undefined ? {} : { subresource })
  })

  it("is the newest other manager of the spec, also through the subresource scale", () => {
    const managedFields = [
      entry("kubectl-edit", 2),
      entry("kubernaut", 9),
      entry("kube-controller-manager", 5, "f:status", "status"),
      entry("kube-controller-manager", 4, "f:metadata")
    ]
    assert.strictEqual(otherWriterOf(object({ managedFields })), "kubectl-edit")
    const scaled = [...managedFields, entry("kubectl", 3, "f:spec", "scale")]
    assert.strictEqual(otherWriterOf(object({ managedFields: scaled })), "kubectl")
  })

  it("is not known without the fields of each manager", () => {
    assert.isUndefined(otherWriterOf(object({ managedFields: [{ manager: "kubectl" }] })))
  })
})
