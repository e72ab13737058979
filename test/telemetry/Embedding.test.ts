/**
 * An application that embeds the library and already runs an OpenTelemetry SDK: with `@effect/opentelemetry`'s tracer
 * on its `TracerProvider`, spans of remediations go there.
 */

import * as OtelTracer from "@effect/opentelemetry/OtelTracer"
import { assert, describe, it } from "@effect/vitest"
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import { Effect, Fiber, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import type { Action } from "../../src/domain/Action.ts"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { alertOf, webhookOf } from "../intake/webhooks.ts"

type Target = { readonly namespace: string; readonly kind: string; readonly name: string }

const runbook = (actionOn: (target: Target) => Action): Investigator => ({
  name: "custom",
  provider: "runbook",
  investigate: ({ target: { kind, name, namespace } }) =>
    Effect.succeed({
      investigator: "custom",
      rootCause: "A bad rollout.",
      evidence: [],
      action: actionOn({ namespace, kind, name }),
      confidence: 1
    })
})

const serviceWith = (investigator: Investigator) =>
  Kubernaut.layer({ cluster: "test", mode: "auto", investigators: [investigator] }).pipe(
    Layer.provide([Sandbox.layer(), Storage.layerMemory])
  )

const service = serviceWith(runbook((target) => ({ type: "RollbackDeployment", target })))
/** More replicas of a version that crash-loops do not help. */
const useless = serviceWith(runbook((target) => ({ type: "ScaleWorkload", target, replicas: 5 })))

const webhook = webhookOf([
  alertOf(
    { alertname: "KubeDeploymentRolloutStuck", namespace: "shop", deployment: "checkout" },
    { startsAt: "1970-01-01T00:00:00Z", fingerprint: "checkout" }
  )
])

/** A remediation from its alert to its end. */
const remediate = Effect.gen(function* () {
  const kubernaut = yield* Kubernaut.Kubernaut
  const { results } = yield* kubernaut.receive(webhook)
  const settled = yield* Effect.forkChild(kubernaut.settled(results[0]!.remediationId!))
  while (settled.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
  return Option.getOrThrow(yield* Fiber.join(settled))
})

describe("an embedder's TracerProvider", () => {
  it.effect(
    "receives a remediation as one trace, with the trace id of its journal and each span below its parent",
    () =>
      Effect.gen(function* () {
        const exporter = new InMemorySpanExporter()
        const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
        const tracer = OtelTracer.layer.pipe(Layer.provide(Layer.succeed(OtelTracer.OtelTracerProvider, provider)))

        const { state, traceId } = yield* remediate.pipe(Effect.provide(Layer.provideMerge(service, tracer)))
        yield* Effect.promise(() => provider.forceFlush())

        assert.strictEqual(state, "Remediated")
        const trace = exporter.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId)
        const named = (name: string) => trace.find((span) => span.name === name)!
        const parents = [
          ["investigate", "remediation"],
          ["hop custom", "investigate"],
          ["attempt", "hop custom"],
          ["decide", "remediation"],
          ["execute", "remediation"],
          ["verify", "remediation"]
        ] as const
        for (const [child, parent] of parents) {
          const { spanId } = named(parent).spanContext()
          assert.isTrue(
            trace.some((span) => span.name === child && span.parentSpanContext?.spanId === spanId),
            child
          )
        }
        assert.isUndefined(named("remediation").parentSpanContext)
        assert.deepInclude(named("remediation").attributes, { "kubernaut.remediation.state": "Remediated" })
      })
  )

  it.effect("receives a rollback as one span below its remediation, with its trigger, attempt and outcome", () =>
    Effect.gen(function* () {
      const exporter = new InMemorySpanExporter()
      const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
      const tracer = OtelTracer.layer.pipe(Layer.provide(Layer.succeed(OtelTracer.OtelTracerProvider, provider)))

      const { state, traceId } = yield* remediate.pipe(Effect.provide(Layer.provideMerge(useless, tracer)))
      yield* Effect.promise(() => provider.forceFlush())

      assert.strictEqual(state, "RolledBack")
      const trace = exporter.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId)
      const spans = trace.filter(({ name }) => name === "rollback")
      assert.lengthOf(spans, 1)
      assert.deepInclude(spans[0]!.attributes, {
        "kubernaut.rollback.trigger": "failed-health-check",
        "kubernaut.rollback.attempt": 1,
        "kubernaut.rollback.outcome": "restored"
      })
      const remediation = trace.find(({ name }) => name === "remediation")
      assert.strictEqual(spans[0]!.parentSpanContext?.spanId, remediation?.spanContext().spanId)
    })
  )
})
