/**
 * Refusals of a real API server between the plan and the write: their code and category, what the remediation does
 * next, and that nothing was written. `metadata.generation` is the API server's own count of changes to a spec.
 *
 * | failure on a real API server                               | tested in                            |
 * | ---------------------------------------------------------- | ------------------------------------ |
 * | policies, webhooks, budgets, conflicts, objects that go    | here                                 |
 * | tokens, other identities, rights                           | `Identities`, `kubernetes/LeastRole` |
 * | quota, LimitRange and Pod Security, met by a controller    | `LateRefusals`                       |
 * | quota, LimitRange and Pod Security, met by a dry run       | `kubernetes/ClientNode.admission`    |
 * | no response: the API server stops, before or after storing | `ApiServerRestart`                   |
 * | no response: Kubernaut stops, before or after storing      | `Killed`                             |
 *
 * A change that does not help is in `DoesNotHelp`, and each action with its undo in `RoundTrip`. Kubernaut does not use
 * server-side apply, so no API server makes `field-owned`.
 */

import { readFileSync } from "node:fs"
import * as https from "node:https"
import type { AddressInfo } from "node:net"
import { afterAll, assert, describe, layer as shareLayer } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import type { ResourceRef } from "../../src/domain/Target.ts"
import { KubernetesClient, type KubernetesError } from "../../src/kubernetes/KubernetesClient.ts"
import * as real from "../execution/realCluster.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"
import { tlsFile } from "../kubernetes/TlsServer.ts"
import * as manifests from "./realRefusals.ts"
import { beforeTheWrite, service } from "./realRemediation.ts"

const plane = await controlPlane()
const { namespace, on } = real

/** An admission webhook that says no to what it is asked about. */
const webhook = https.createServer(
  { cert: readFileSync(tlsFile("server.pem")), key: readFileSync(tlsFile("server-key.pem")) },
  async (request, response) => {
    const chunks: Array<Buffer> = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const review = JSON.parse(Buffer.concat(chunks).toString()) as { readonly request: { readonly uid: string } }
    response.setHeader("content-type", "application/json")
    const status = { code: 403, message: "the owner says no" }
    response.end(
      JSON.stringify({
        apiVersion: "admission.k8s.io/v1",
        kind: "AdmissionReview",
        response: { uid: review.request.uid, allowed: false, status }
      })
    )
  }
)
afterAll(async () => {
  webhook.closeAllConnections()
  webhook.close()
  if (plane.available) await manifests.remove(plane.kubeconfig)
  await plane.stop()
})

const scale = (target: ResourceRef): Action => ({ type: "ScaleWorkload", target, replicas: 3 })

const generationOf = (ref: ResourceRef) => Effect.map(real.get(ref), ({ metadata }) => metadata.generation)

/** A Deployment of two pods that is to have three. `meanwhile` happens before the write. */
const scaling = Effect.fnUntraced(function* (
  name: string,
  meanwhile: Effect.Effect<unknown, KubernetesError, KubernetesClient> = Effect.void,
  options: Parameters<typeof service>[1] = {},
  client: Parameters<typeof service>[0] = { kubeconfig: plane.kubeconfig }
) {
  const target = on("Deployment", name)
  yield* real.deploy(name)
  const before = yield* real.get(target)
  const admin = yield* KubernetesClient
  const { begin } = yield* service(
    client,
    options,
    beforeTheWrite(Effect.provideService(meanwhile, KubernetesClient, admin))
  )
  const run = yield* begin({ labels: { namespace, deployment: name }, propose: () => scale(target) })
  return { target, before, run }
})

const failures = ({ executions }: { readonly executions: ReadonlyArray<{ readonly outcome?: object }> }) =>
  executions.map(({ outcome }) => {
    const { applied, category, failure } = (outcome ?? {}) as Readonly<Record<string, unknown>>
    return [applied, failure, category]
  })

const executed = (events: ReadonlyArray<string>) => events.filter((event) => event === "Executed")

const patient = { actors: { patience: "3 seconds" } } as const

describe.skipIf(!plane.available)(`a write that a real API server refuses${plane.note}`, () => {
  shareLayer(real.services(plane.kubeconfig), { excludeTestServices: true })((it) => {
    it.effect("starts with a namespace, its policies and its webhooks", () =>
      Effect.gen(function* () {
        yield* real.openNamespace
        yield* Effect.promise(() => new Promise<void>((resolve) => webhook.listen(0, "127.0.0.1", resolve)))
        yield* Effect.promise(() =>
          manifests.create(plane.kubeconfig, namespace, (webhook.address() as AddressInfo).port)
        )
        // A policy and a webhook are in force about a second after they are created.
        for (const name of manifests.names) {
          const ref = on("Deployment", `${name}-in-force`)
          yield* real.create("Deployment", ref.name, "apps/v1", {
            spec: {
              replicas: 0,
              selector: { matchLabels: { app: ref.name } },
              template: real.template(ref.name)
            }
          })
          const client = yield* KubernetesClient
          yield* real.eventually(
            `${name} is in force`,
            Effect.result(
              client.apply({ _tag: "Patch", ref, patch: [{ op: "add", path: "/metadata/labels", value: { a: "b" } }] })
            ),
            ({ _tag }) => _tag === "Failure"
          )
        }
      })
    )

    it.effect.each([
      ["vap-422", "policy-denied", "Change ValidatingAdmissionPolicy"],
      ["vap-403", "policy-denied", "Change ValidatingAdmissionPolicy"],
      ["vap-413", "policy-denied", "Change ValidatingAdmissionPolicy"],
      ["webhook-denies", "webhook-denied", "Ask the owner of the admission webhook"]
    ] as const)(
      "by %s is %s: a person gets it at once, with whom to ask",
      ([name, code, remedy]) =>
        Effect.scoped(
          Effect.gen(function* () {
            const { before, run, target } = yield* scaling(name)
            const ended = yield* run.outcome
            assert.strictEqual(ended.state, "Escalated", ended.conclusion)
            assert.deepStrictEqual(failures(ended), [["no", code, "policy"]])
            assert.include(ended.conclusion, remedy)
            assert.strictEqual(yield* generationOf(target), before.metadata.generation)
          })
        ),
      180_000
    )

    it.effect(
      "because an admission webhook is down is sent again for as long as patience lasts, then a person is told",
      () =>
        Effect.scoped(
          Effect.gen(function* () {
            const { before, run, target } = yield* scaling("webhook-down", Effect.void, patient)
            const ended = yield* run.outcome
            assert.strictEqual(ended.state, "Escalated", ended.conclusion)
            assert.deepStrictEqual(failures(ended), [["no", "webhook-unreachable", "api"]])
            assert.include(ended.conclusion, "Restore the service of the admission webhook")
            assert.strictEqual(yield* generationOf(target), before.metadata.generation)
          })
        ),
      180_000
    )

    it.effect(
      "because an admission webhook is down is carried out once the webhook is back",
      () =>
        Effect.scoped(
          Effect.gen(function* () {
            const { before, run, target } = yield* scaling("webhook-returns", Effect.void, {
              actors: { patience: "1 minute" }
            })
            yield* run.until("Intended")
            yield* Effect.promise(() => manifests.removeWebhook(plane.kubeconfig, "webhook-returns"))
            yield* run.written
            yield* run.resolve
            const ended = yield* run.outcome
            assert.strictEqual(ended.state, "Remediated", ended.conclusion)
            assert.deepStrictEqual(failures(ended), [["yes", undefined, undefined]])
            assert.strictEqual(yield* generationOf(target), before.metadata.generation! + 1)
          })
        ),
      180_000
    )

    it.effect(
      "because somebody changed the object is planned again on the new object, and written once",
      () =>
        Effect.scoped(
          Effect.gen(function* () {
            const touch = Effect.flatMap(KubernetesClient, (client) =>
              client.apply({
                _tag: "Patch",
                ref: on("Deployment", "raced"),
                patch: [{ op: "add", path: "/metadata/labels", value: { touched: "yes" } }]
              })
            )
            const { before, run, target } = yield* scaling("raced", touch)
            // A resolution from before the response to the write would not count for it.
            yield* Effect.forkScoped(
              Effect.andThen(
                real.eventually("the write on record", run.events, (all) => executed(all).length === 2),
                run.resolve
              )
            )
            const ended = yield* run.outcome
            assert.strictEqual(ended.state, "Remediated", ended.conclusion)
            assert.deepStrictEqual(failures(ended), [
              ["no", "conflict", "api"],
              ["yes", undefined, undefined]
            ])
            const after = yield* real.get(target)
            assert.strictEqual(after.metadata.generation, before.metadata.generation! + 1)
            assert.deepInclude(after.metadata.labels, { touched: "yes" })
          })
        ),
      180_000
    )

    it.effect(
      "because the object is gone writes nothing, and the target is found missing",
      () =>
        Effect.scoped(
          Effect.gen(function* () {
            const { run, target } = yield* scaling("gone", manifests.deleted(on("Deployment", "gone")))
            const ended = yield* run.outcome
            assert.strictEqual(ended.state, "Escalated", ended.conclusion)
            assert.deepStrictEqual(failures(ended), [["no", "not-found", "api"]])
            assert.include(ended.conclusion, "does not exist")
            assert.strictEqual((yield* Effect.flip(real.get(target))).reason._tag, "NotFound")
          })
        ),
      180_000
    )

    it.effect(
      "because the name belongs to another object writes nothing to that one without a new decision",
      () =>
        Effect.scoped(
          Effect.gen(function* () {
            const ref = on("Deployment", "reused")
            const resolve = yield* Deferred.make<Effect.Effect<unknown>>()
            // The alert has ended when the write is refused, so there is no new decision.
            const another = Effect.all([
              manifests.deleted(ref),
              real.create("Deployment", ref.name, "apps/v1", {
                spec: {
                  replicas: 3,
                  selector: { matchLabels: { app: "reused" } },
                  template: real.template("reused", "v2")
                }
              }),
              Effect.flatten(Deferred.await(resolve))
            ])
            const { before, run, target } = yield* scaling("reused", another)
            yield* Deferred.succeed(resolve, run.resolve)
            const ended = yield* run.outcome
            const [first, ...more] = failures(ended)
            assert.deepStrictEqual(first, ["no", "conflict", "api"], ended.conclusion)
            assert.deepStrictEqual(more, [], ended.conclusion)
            const after = yield* real.get(target)
            assert.notStrictEqual(after.metadata.uid, before.metadata.uid)
            assert.notProperty(after.metadata.annotations ?? {}, "kubernaut.dev/execution")
            assert.strictEqual(after.metadata.generation, 1)
          })
        ),
      180_000
    )

    const evicting = Effect.fnUntraced(function* (name: string, budgets: number) {
      yield* real.deploy(name, 1)
      for (let index = 1; index <= budgets; index++) yield* manifests.budget(name, `${name}-${index}`)
      const [pod] = yield* real.podsOf(name)
      const { begin } = yield* service(
        { kubeconfig: plane.kubeconfig },
        { ...patient, execution: { evictionInterval: "200 millis", evictionDeadline: "1 second" } }
      )
      const run = yield* begin({
        labels: { namespace, deployment: name },
        propose: () => ({ type: "EvictPod", target: on("Pod", pod!.metadata.name) })
      })
      const ended = yield* run.approved
      assert.strictEqual(ended.state, "Escalated", ended.conclusion)
      assert.strictEqual((yield* real.podsOf(name))[0]?.metadata.uid, pod!.metadata.uid)
      return ended
    })

    it.effect(
      "of an eviction because of a budget is sent again until the deadline, then a person is told, and the pod stays",
      () =>
        Effect.scoped(
          Effect.gen(function* () {
            const ended = yield* evicting("evicted", 1)
            assert.deepStrictEqual(failures(ended), [["no", "disruption-budget", "policy"]])
          })
        ),
      180_000
    )

    it.effect(
      "of an eviction because of two budgets is known from the dry run: nothing is tried, and a person is told",
      () =>
        Effect.scoped(
          Effect.gen(function* () {
            const ended = yield* evicting("evicted-twice", 2)
            assert.deepStrictEqual(ended.executions, [])
            assert.include(ended.conclusion, "Leave one PodDisruptionBudget that selects the pod.")
          })
        ),
      180_000
    )

    const held = [{ op: "add", path: "/metadata/finalizers", value: ["example.com/hold"] }] as const
    const released = [{ op: "remove", path: "/metadata/finalizers" }] as const
    const patched = (ref: ResourceRef, patch: typeof held | typeof released) =>
      Effect.flatMap(KubernetesClient, (client) => client.apply({ _tag: "Patch", ref, patch }))

    /** Somebody deletes an object, which takes its Deployment with it. A finalizer keeps the Deployment readable. */
    const going = Effect.fnUntraced(function* (name: string, deletes: ResourceRef) {
      const target = on("Deployment", name)
      const meanwhile = Effect.gen(function* () {
        const client = yield* KubernetesClient
        yield* patched(target, held)
        const { metadata } = yield* client.get(deletes)
        yield* client.apply({ _tag: "Delete", ref: deletes, uid: metadata.uid })
        yield* real.eventually(
          "it is being deleted",
          client.get(target),
          (object) => "deletionTimestamp" in object.metadata
        )
      })
      const { before, run } = yield* scaling(name, meanwhile)
      const ended = yield* run.outcome
      const after = yield* real.get(target)
      yield* patched(target, released)
      assert.strictEqual(ended.state, "Escalated", ended.conclusion)
      const failed = failures(ended)
      // The API server may have closed the connection before it said so.
      assert.deepStrictEqual(
        failed.map(([, ...rest]) => rest),
        [["conflict", "api"]]
      )
      const [applied] = failed[0] ?? []
      assert.include(["no", "unknown"], applied)
      assert.deepStrictEqual(real.specOf(after), real.specOf(before))
      assert.include(ended.conclusion, applied === "no" ? "is being deleted" : "It is not known whether")
    })

    it.effect(
      "because the object is being deleted is not planned again, and a person is told",
      () => Effect.scoped(going("going", on("Deployment", "going"))),
      180_000
    )

    it.effect(
      "because the namespace is being deleted is not planned again, and a person is told",
      () => Effect.scoped(going("going-with-all", on("Namespace", namespace))),
      180_000
    )
  })
})
