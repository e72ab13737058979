/** Label sets of rules about Services and Ingresses, and of those that only seem to be. */

import type { LabelShape } from "./ScrapeShapes.ts"

export const services: ReadonlyArray<LabelShape> = [
  {
    what: "a rule that groups by the Service",
    labels: { alertname: "TargetDown", job: "checkout", namespace: "shop", service: "checkout" },
    objects: ["Service shop/checkout"]
  },
  {
    what: "one scraped process of a Service, about whatever it counts",
    labels: { alertname: "QueueDeep", job: "queue", namespace: "shop", service: "queue", instance: "10.0.0.1:9100" },
    objects: []
  },
  {
    what: "an exporter, about what it counts",
    labels: { alertname: "QueueDeep", job: "queue-exporter", namespace: "shop", service: "queue-exporter" },
    objects: []
  },
  {
    what: "a probe of a Service, by its exporter",
    labels: { alertname: "ProbeFailed", job: "blackbox", namespace: "shop", service: "checkout" },
    objects: []
  },
  {
    what: "kube-state-metrics: Endpoints without an address",
    labels: {
      alertname: "KubeServiceNoEndpoints",
      job: "kube-state-metrics",
      instance: "10.0.0.1:8080",
      namespace: "shop",
      endpoint: "checkout"
    },
    objects: ["Service shop/checkout"]
  },
  {
    what: "Istio: a Service that was called, whose workload is not known",
    labels: {
      alertname: "HighErrorRate",
      destination_workload: "unknown",
      destination_workload_namespace: "unknown",
      destination_service_name: "checkout",
      destination_service_namespace: "shop"
    },
    objects: ["Service shop/checkout"]
  },
  {
    what: "Datadog: a Service",
    labels: { kube_namespace: "shop", kube_service: "checkout" },
    objects: ["Service shop/checkout"]
  },
  {
    what: "ingress-nginx: an Ingress and the Service behind it",
    labels: {
      alertname: "IngressErrors",
      namespace: "ingress-nginx",
      exported_namespace: "shop",
      exported_service: "checkout",
      ingress: "web"
    },
    objects: ["Service shop/checkout", "Ingress shop/web"]
  }
]
