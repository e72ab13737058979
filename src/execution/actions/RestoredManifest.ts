/**
 * The manifest of a recorded object: what is left of it without what the cluster assigned, so that the object can be
 * created again, and what somebody has changed about it since it was recorded.
 */

import type { Schema } from "effect"
import * as FieldPath from "../../domain/FieldPath.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { lastAppliedAnnotation } from "../../kubernetes/LastApplied.ts"
import type { Service } from "../../kubernetes/ObjectModel.ts"
import { isSignature, type Signature, signatureOf } from "../ObjectPatch.ts"
import { type PlanObjects, relatedOf } from "../Plan.ts"

type Fields = Readonly<Record<string, unknown>>

const without = (fields: Fields | undefined, drop: (name: string) => boolean): Fields =>
  Object.fromEntries(Object.entries(fields ?? {}).filter(([name]) => !drop(name)))

/** Annotations that say what somebody else has recorded about the object that is gone. */
const isBookkeeping = (name: string): boolean =>
  isSignature(name) || name.startsWith("deployment.kubernetes.io/") || name === lastAppliedAnnotation

const kept = (fields: Fields): Fields =>
  without(fields, (name) => Object.keys((fields[name] ?? {}) as object).length === 0)

const portsIn = (objects: PlanObjects): ReadonlySet<number> =>
  new Set(relatedOf(objects, "Service").flatMap(nodePortsOf))

const nodePortsOf = ({ spec }: Service): ReadonlyArray<number> =>
  ((spec?.["ports"] ?? []) as ReadonlyArray<{ readonly nodePort?: number }>).flatMap(({ nodePort }) => nodePort ?? [])

/** A headless Service has no address, which is a part of what it is meant to be. */
const withoutAddresses = (spec: Fields, used: ReadonlySet<number>): Fields => {
  const isHeadless = spec["clusterIP"] === "None"
  const { clusterIP: _ip, clusterIPs: _ips, healthCheckNodePort: _check, ...rest } = spec
  const ports = (spec["ports"] as ReadonlyArray<Fields & { readonly nodePort?: number }> | undefined)?.map((port) => {
    const { nodePort, ...others } = port
    return nodePort === undefined || used.has(nodePort) ? others : port
  })
  return { ...rest, ...(isHeadless ? { clusterIP: "None" } : {}), ...(ports === undefined ? {} : { ports }) }
}

/** What is meant of an object: without status, bookkeeping and what the cluster assigned. */
const meantOf = (manifest: Fields, ownerUids: ReadonlySet<string>, used: ReadonlySet<number>): Fields => {
  const { metadata, secrets, spec, status: _status, ...rest } = manifest
  const { annotations, labels, name, namespace, ownerReferences } = (metadata ?? {}) as {
    readonly name?: string
    readonly namespace?: string
    readonly labels?: Fields
    readonly annotations?: Fields
    readonly ownerReferences?: ReadonlyArray<{ readonly uid: string }>
  }
  const owners = (ownerReferences ?? []).filter(({ uid }) => ownerUids.has(uid))
  const isService = manifest["kind"] === "Service"
  return {
    ...rest,
    // The controller of tokens writes this field of a ServiceAccount.
    ...(secrets === undefined || manifest["kind"] === "ServiceAccount" ? {} : { secrets }),
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...kept({ labels: labels ?? {}, annotations: without(annotations, isBookkeeping), ownerReferences: owners })
    },
    ...(spec === undefined ? {} : { spec: isService ? withoutAddresses(spec as Fields, used) : spec })
  }
}

/** The manifest from which the object is created again, signed. */
export const creatable = (
  manifest: Schema.JsonObject,
  objects: PlanObjects,
  signature: Signature
): Schema.JsonObject => {
  const owners = new Set(objects.related.map(({ metadata }) => metadata.uid))
  const meant = meantOf(manifest, owners, portsIn(objects)) as { readonly metadata: Fields }
  const { metadata } = meant
  return {
    ...meant,
    metadata: {
      ...metadata,
      annotations: { ...(metadata["annotations"] as Fields | undefined), ...signatureOf(signature) }
    }
  } as unknown as Schema.JsonObject
}

/** The fields in which an object is another one than it was when it was recorded. */
export const changedSince = (
  manifest: Schema.JsonObject,
  object: KubernetesObject
): ReadonlyArray<FieldPath.FieldDifference> => {
  const comparable = (each: Fields) => {
    const { apiVersion: _api, kind: _kind, ...meant } = meantOf(each, new Set(), new Set())
    return meant
  }
  return FieldPath.differences(comparable({ ...manifest, kind: object.kind }), comparable(object as unknown as Fields))
}

/** The manifest that is kept of an object that is removed. */
export const keptManifest = (object: KubernetesObject): Schema.JsonObject => {
  const owners = (object.metadata.ownerReferences ?? []).map(({ uid }) => uid)
  return meantOf(object as unknown as Fields, new Set(owners), new Set()) as unknown as Schema.JsonObject
}
