/**
 * A cluster that outlives the process under test: a sandbox in the test process, which the killed process calls over
 * loopback HTTP.
 *
 * It records every write that took effect, so a test does not depend on the journal.
 */

import { createServer } from "node:http"
import { NodeHttpServer } from "@effect/platform-node"
import { Context, Deferred, Effect, Layer, Schema, Stream } from "effect"
import { HttpRouter, HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import { Change } from "../../src/domain/Change.ts"
import { ResourceRef } from "../../src/domain/Target.ts"
import { KubernetesClient, KubernetesError } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"

const Call = Schema.Union([
  Schema.TaggedStruct("get", { ref: ResourceRef }),
  Schema.TaggedStruct("list", { kind: Schema.String, options: Schema.Record(Schema.String, Schema.Any) }),
  Schema.TaggedStruct("apply", { change: Change, dryRun: Schema.Boolean }),
  Schema.TaggedStruct("logs", {
    pod: ResourceRef,
    options: Schema.Struct({
      tailLines: Schema.Int,
      container: Schema.optionalKey(Schema.String),
      previous: Schema.optionalKey(Schema.Boolean)
    })
  }),
  Schema.TaggedStruct("probe", {})
])
type Call = typeof Call.Type

const answer = (client: KubernetesClient["Service"], call: Call): Effect.Effect<unknown, KubernetesError> => {
  switch (call._tag) {
    case "get":
      return client.get(call.ref)
    case "list":
      return client.list(call.kind, call.options)
    case "apply":
      return client.apply(call.change, { dryRun: call.dryRun })
    case "logs":
      return client.logs(call.pod, call.options)
    case "probe":
      return client.probe
  }
}

/** Serves a sandbox. `writes` contains the changes that took effect, in order. */
export const serve = Effect.fnUntraced(function* (options: Sandbox.SandboxOptions) {
  const client = yield* Sandbox.make(options)
  const writes: Array<Change> = []
  const waiting = new Map<number, Deferred.Deferred<void>>()
  const route = HttpRouter.add(
    "POST",
    "/",
    Effect.gen(function* () {
      const call = yield* HttpServerRequest.schemaBodyJson(Call)
      const result = yield* Effect.result(answer(client, call))
      if (result._tag === "Failure")
        return HttpServerResponse.jsonUnsafe({ error: yield* Schema.encodeEffect(KubernetesError)(result.failure) })
      if (call._tag === "apply" && !call.dryRun) {
        writes.push(call.change)
        const waiter = waiting.get(writes.length)
        if (waiter !== undefined) Deferred.doneUnsafe(waiter, Effect.void)
      }
      return HttpServerResponse.jsonUnsafe({ value: result.success ?? null })
    })
  )
  const context = yield* Layer.build(
    HttpRouter.serve(route, { disableListenLog: true, disableLogger: true }).pipe(
      Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }))
    )
  )
  const url = HttpServer.formatAddress(Context.get(context, HttpServer.HttpServer).address)
  /** Completes when there are `count` writes. */
  const written = (count: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (writes.length >= count) return Effect.void
      const waiter = waiting.get(count) ?? Deferred.makeUnsafe<void>()
      waiting.set(count, waiter)
      return Deferred.await(waiter)
    })
  return { client, writes, written, url }
})

const Reply = Schema.Struct({ value: Schema.optionalKey(Schema.Any), error: Schema.optionalKey(KubernetesError) })

/** The client of a cluster that another process serves. */
export const layer = (url: string): Layer.Layer<KubernetesClient> => {
  const operationOf = (call: Call) => (call._tag === "apply" ? `apply ${call.change._tag}` : call._tag)
  // The server calls the same port, so the response has the expected type.
  const send = <A>(call: Call): Effect.Effect<A, KubernetesError> =>
    Effect.tryPromise({
      try: (signal) =>
        fetch(url, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(call),
          signal
        }).then((response) => response.json()),
      catch: () =>
        new KubernetesError({
          reason: { _tag: "Unavailable" },
          operation: operationOf(call),
          applied: "unknown",
          retryable: true
        })
    }).pipe(
      Effect.flatMap((body) => Schema.decodeUnknownEffect(Reply)(body).pipe(Effect.orDie)),
      Effect.flatMap((reply) =>
        reply.error === undefined ? Effect.succeed((reply.value ?? undefined) as A) : Effect.fail(reply.error)
      )
    )
  return Layer.succeed(KubernetesClient, {
    get: (ref) => send({ _tag: "get", ref }),
    list: (kind, options) => send({ _tag: "list", kind, options: { ...options } }),
    apply: (change, options) => send({ _tag: "apply", change, dryRun: options?.dryRun === true }),
    logs: (pod, options) => send({ _tag: "logs", pod, options }),
    watch: () =>
      Stream.fail(
        new KubernetesError({ reason: { _tag: "Expired" }, operation: "watch", applied: "no", retryable: true })
      ),
    probe: send({ _tag: "probe" })
  })
}
