/** Objects of a shop, for the tests of dependency graphs. */

import type { ResourceRef } from "../../src/domain/Target.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"

export const object = (kind: string, name: string, fields: object = {}, namespace = "shop"): KubernetesObject => {
  const { metadata, ...rest } = fields as { readonly metadata?: object }
  return {
    apiVersion: "v1",
    kind,
    ...rest,
    metadata: {
      ...metadata,
      name,
      ...(namespace === "" ? {} : { namespace }),
      uid: `uid-${kind}-${name}`,
      resourceVersion: "1"
    }
  }
}

export const deployment = (name: string, spec: object = {}, labels: object = { app: name }): KubernetesObject =>
  object("Deployment", name, {
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "app", image: "app:1" }], ...spec } }
    }
  })

export const service = (name: string, selector: object): KubernetesObject =>
  object("Service", name, { spec: { selector, ports: [{ port: 80 }] } })

export const refTo = (kind: string, name: string, namespace = "shop"): ResourceRef => ({ namespace, kind, name })
