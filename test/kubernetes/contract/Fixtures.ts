/** What differs between the implementations under test, and the steps that the tests of the contract share. */

import { assert, type Vitest } from "@effect/vitest"
import { Context, Effect } from "effect"
import type { ResourceRef } from "../../../src/domain/Target.ts"
import { KubernetesClient, type KubernetesError } from "../../../src/kubernetes/KubernetesClient.ts"
import type { Deployment, Pod } from "../../../src/kubernetes/ObjectModel.ts"
import type { OwnerResolver } from "../../../src/kubernetes/OwnerResolver.ts"
import { readWorkload } from "../../../src/kubernetes/WorkloadReader.ts"
import { create, deployment, type Manifest, pod, refOf, type WorkloadOptions } from "./Manifests.ts"

export class Fixtures extends Context.Service<
  Fixtures,
  {
    /** A prefix that is unique to this run, so that a cluster can be used again. */
    readonly run: string
    /** Lets some of the cluster's time pass. */
    readonly pass: Effect.Effect<void>
    /** Whether the tests use live services instead of the test clock. */
    readonly live: boolean
  }
>()("kubernaut/test/kubernetes/contract/Fixtures") {}

/** The tests of one implementation. */
export type ContractTests = Vitest.MethodsNonLive<KubernetesClient | OwnerResolver | Fixtures>

const attempts = 150

/** Reads until the value satisfies the condition. Fails with the last value that it has seen. */
export const eventually = <A, R>(
  what: string,
  read: Effect.Effect<A, KubernetesError, R>,
  satisfied: (value: A) => boolean
): Effect.Effect<A, KubernetesError, R | Fixtures> =>
  Effect.gen(function* () {
    const { pass } = yield* Fixtures
    let last: A | undefined
    for (let attempt = 0; attempt < attempts; attempt++) {
      last = yield* read
      if (satisfied(last)) return last
      yield* pass
    }
    return assert.fail(`${what} did not happen; last seen: ${JSON.stringify(last)?.slice(0, 600)}`)
  })

/** The error of an effect that must fail and must not have changed the cluster. */
export const refusal = <A, R>(effect: Effect.Effect<A, KubernetesError, R>) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert.strictEqual(error.applied, "no", `${error.message} must not be applied`)
    return error
  })

/** The reason of such an error, which must have this tag. */
export const refusedAs = <A, R>(
  effect: Effect.Effect<A, KubernetesError, R>,
  tag: KubernetesError["reason"]["_tag"],
  retryable = false
) =>
  Effect.map(refusal(effect), (error) => {
    assert.strictEqual(error.reason._tag, tag, error.operation)
    assert.strictEqual(error.retryable, retryable, `${error.message} retryable`)
    return error.reason
  })

/** Creates an object and returns it as stored. */
export const created = (namespace: string, manifest: Manifest) =>
  Effect.flatMap(KubernetesClient, (kubernetes) =>
    Effect.map(kubernetes.apply(create(namespace, manifest)), (object) => object!)
  )

/** Creates a namespace for one test. A real cluster accepts pods in it once its ServiceAccount exists. */
export const newNamespace = (suffix: string) =>
  Effect.gen(function* () {
    const kubernetes = yield* KubernetesClient
    const namespace = `${(yield* Fixtures).run}-${suffix}`
    yield* created("", { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } })
    yield* eventually(
      `namespace ${namespace} accepts pods`,
      Effect.match(kubernetes.apply(create(namespace, pod("ready")), { dryRun: true }), {
        onFailure: () => false,
        onSuccess: () => true
      }),
      (ready) => ready
    )
    return namespace
  })

/** Creates a ResourceQuota and waits until the API server refuses what exceeds it. */
export const inForce = (namespace: string, manifest: Manifest) =>
  Effect.gen(function* () {
    const kubernetes = yield* KubernetesClient
    const { live } = yield* Fixtures
    const made = yield* created(namespace, manifest)
    yield* eventually(
      "the quota is in force",
      kubernetes.get(refOf(made)),
      (quota) => !live || (quota["status"] as { readonly hard?: unknown } | undefined)?.hard !== undefined
    )
  })

export const podsOf = (namespace: string, app: string) =>
  Effect.flatMap(KubernetesClient, (kubernetes) =>
    Effect.map(kubernetes.list("Pod", { namespace, labelSelector: { app } }), (pods) => pods as ReadonlyArray<Pod>)
  )

/** Waits until a workload has exactly this many pods, all of them updated and ready. */
export const settled = (target: ResourceRef, replicas: number) =>
  eventually(
    `${target.name} settles at ${replicas}`,
    readWorkload(target),
    (state) =>
      state.observedGeneration === state.generation
      && state.desiredReplicas === replicas
      && state.readyReplicas === replicas
      && state.availableReplicas === replicas
      && state.updatedReplicas === replicas
      && state.pods.length === replicas
  )

/** Creates a Deployment, by default `web`, and waits until it has settled. */
export const running = (namespace: string, options: WorkloadOptions & { readonly name?: string } = {}) =>
  Effect.gen(function* () {
    const made = yield* created(namespace, deployment(options.name ?? "web", options))
    yield* settled(refOf(made), options.replicas ?? 2)
    return made as Deployment
  })
