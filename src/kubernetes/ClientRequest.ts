/** The HTTP request of each verb, as a pure function: method, path, query and body. */

import type { Change } from "../domain/Change.ts"
import type { ResourceRef } from "../domain/Target.ts"
import type { Access } from "./Access.ts"
import { apiGroupOf } from "./AccessRules.ts"
import { type ApiResource, collectionPath, objectPath } from "./ApiResource.ts"
import type { Request } from "./ClientTransport.ts"
import type { ListOptions, LogOptions } from "./KubernetesClient.ts"

// Enough for the tail that evidence reads, however long its lines are.
const logBytes = 1024 * 1024

type Parameters = Readonly<Record<string, string | number | boolean | undefined>>

const query = (parameters: Parameters): string => {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(parameters)) if (value !== undefined) search.set(key, String(value))
  const text = search.toString()
  return text === "" ? "" : `?${text}`
}

const labelSelector = (labels: Readonly<Record<string, string>> | undefined): string | undefined =>
  labels === undefined
    ? undefined
    : Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(",")

export const get = (resource: ApiResource, ref: ResourceRef): Request => ({
  method: "GET",
  path: objectPath(resource, ref.namespace, ref.name)
})

/** One page of a list. `token` is the continue token of the page before. */
export const list = (
  resource: ApiResource,
  options: ListOptions,
  page: { readonly limit: number; readonly token: string | undefined }
): Request => ({
  method: "GET",
  path:
    collectionPath(resource, options.namespace)
    + query({
      labelSelector: labelSelector(options.labelSelector),
      fieldSelector:
        options.involvedObject === undefined
          ? undefined
          : `involvedObject.kind=${options.involvedObject.kind},involvedObject.name=${options.involvedObject.name}`,
      limit: page.limit,
      continue: page.token
    }),
  ...(options.metadataOnly === true
    ? { accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1" }
    : {})
})

/** A watch of the changes after `resourceVersion`, which the server ends after `timeoutSeconds`. */
export const watch = (
  resource: ApiResource,
  options: Pick<ListOptions, "namespace" | "labelSelector">,
  from: { readonly resourceVersion: string; readonly timeoutSeconds: number }
): Request => ({
  method: "GET",
  path:
    collectionPath(resource, options.namespace)
    + query({
      labelSelector: labelSelector(options.labelSelector),
      watch: true,
      resourceVersion: from.resourceVersion,
      allowWatchBookmarks: true,
      timeoutSeconds: from.timeoutSeconds
    }),
  streams: true
})

export const logs = (resource: ApiResource, pod: ResourceRef, options: LogOptions): Request => ({
  method: "GET",
  path: `${objectPath(resource, pod.namespace, pod.name)}/log${query({
    container: options.container,
    previous: options.previous === true ? true : undefined,
    tailLines: options.tailLines,
    limitBytes: logBytes
  })}`,
  accept: "*/*"
})

/** The kinds of one version of an API group. */
export const discovery = (apiVersion: string): Request => ({ method: "GET", path: `/apis/${apiVersion}` })

export const probe: Request = { method: "GET", path: "/readyz", accept: "*/*" }

const json = (value: unknown) => ({ contentType: "application/json", json: value })

const review = (kind: string, spec: unknown): Request => ({
  method: "POST",
  path: `/apis/authorization.k8s.io/v1/${kind.toLowerCase()}s`,
  body: json({ apiVersion: "authorization.k8s.io/v1", kind, spec })
})

/** The question whether this identity may make a request. */
export const accessReview = (resource: ApiResource, access: Access): Request =>
  review("SelfSubjectAccessReview", {
    resourceAttributes: {
      verb: access.verb,
      group: apiGroupOf(access),
      resource: resource.plural,
      ...(access.subresource === undefined ? {} : { subresource: access.subresource }),
      ...(access.namespace === "" ? {} : { namespace: access.namespace })
    }
  })

/** The question for the rules of this identity in a namespace. */
export const rulesReview = (namespace: string): Request => review("SelfSubjectRulesReview", { namespace })

const manifestOf = (resource: ApiResource, { manifest, ref }: Extract<Change, { _tag: "Create" }>) => ({
  apiVersion: resource.apiVersion,
  kind: resource.kind,
  ...manifest,
  metadata: {
    ...(manifest["metadata"] as Record<string, unknown> | undefined),
    name: ref.name,
    ...(resource.namespaced ? { namespace: ref.namespace } : {})
  }
})

const deleteOptions = (uid: string, dryRun: boolean) => ({
  apiVersion: "v1",
  kind: "DeleteOptions",
  preconditions: { uid },
  ...(dryRun ? { dryRun: ["All"] } : {})
})

/** A write. `fieldManager` is the name under which the API server records it in `managedFields`. */
export const write = (resource: ApiResource, change: Change, dryRun: boolean, fieldManager: string): Request => {
  const { namespace, name } = change.ref
  const path = objectPath(resource, namespace, name)
  const dry = dryRun ? { dryRun: "All" } : {}
  switch (change._tag) {
    case "Patch":
      return {
        method: "PATCH",
        path: path + query({ ...dry, fieldManager }),
        body: { contentType: "application/json-patch+json", json: change.patch }
      }
    case "Create":
      return {
        method: "POST",
        path: collectionPath(resource, namespace) + query({ ...dry, fieldManager }),
        body: json(manifestOf(resource, change))
      }
    case "Delete":
      return {
        method: "DELETE",
        path: path + query(dry),
        body: json({ ...deleteOptions(change.uid, dryRun), propagationPolicy: "Background" })
      }
    case "Evict":
      return {
        method: "POST",
        path: `${path}/eviction${query(dry)}`,
        body: json({
          apiVersion: "policy/v1",
          kind: "Eviction",
          metadata: { name, namespace },
          deleteOptions: deleteOptions(change.uid, dryRun)
        })
      }
  }
}
