/**
 * The service as `kubernaut serve` runs it: `Kubernaut.layer` from the settings, with metrics, the status page and the
 * HTTP server around it.
 */

import { NodeHttpClient, NodeServices } from "@effect/platform-node"
import { type Context, Deferred, Duration, Effect, type FileSystem, Layer, Schedule } from "effect"
import { LanguageModel } from "effect/ai"
import { HttpClient, HttpServer, type HttpServerError } from "effect/http"
import { page } from "../console/LandingPage.ts"
import * as Cgroup from "../health/Cgroup.ts"
import type { Token } from "../http/Authentication.ts"
import type { Check } from "../http/routes/Operations.ts"
import * as Server from "../http/Server.ts"
import * as PrometheusMetrics from "../investigation/evidence/PrometheusMetrics.ts"
import type { Investigator } from "../investigation/Investigator.ts"
import * as HolmesGptInvestigator from "../investigation/models/HolmesGptInvestigator.ts"
import * as LlmInvestigator from "../investigation/models/LlmInvestigator.ts"
import { identityOf } from "../investigation/models/PeerIdentity.ts"
import * as AnthropicLanguageModel from "../investigation/models/providers/AnthropicLanguageModel.ts"
import * as OpenAiLanguageModel from "../investigation/models/providers/OpenAiLanguageModel.ts"
import type { Rule } from "../investigation/rules/Rulebook.ts"
import * as Kubernaut from "../Kubernaut.ts"
import * as ClientNode from "../kubernetes/ClientNode.ts"
import { KubernetesClient } from "../kubernetes/KubernetesClient.ts"
import * as Sandbox from "../kubernetes/Sandbox.ts"
import * as EventHub from "../resilience/EventHub.ts"
import { type ResilienceEvent, ResilienceEvents } from "../resilience/ResilienceEvent.ts"
import * as Supervisor from "../resilience/supervision/Supervisor.ts"
import type { FaultInjection } from "../simulation/injection/FaultInjection.ts"
import type { Archive } from "../storage/Archive.ts"
import { AuditLog } from "../storage/AuditLog.ts"
import * as Storage from "../storage/Storage.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { watchReceiver } from "../telemetry/ReceiverCheck.ts"
import * as FiringAlerts from "../verification/FiringAlerts.ts"
import { components } from "./ComponentParts.ts"
import * as ServiceMetrics from "./ServiceMetrics.ts"
import type { LlmProvider, Settings } from "./settings/Settings.ts"
import * as SinkSettings from "./SinkSettings.ts"
import * as StorageParts from "./StorageParts.ts"
import { version } from "./Version.ts"
import * as WatchdogParts from "./WatchdogParts.ts"

/** Everything that is read and validated before the service starts. */
export interface Prepared {
  readonly settings: Settings
  readonly rules: ReadonlyArray<Rule>
  /** Absent: the service listens on loopback without tokens. */
  readonly tokens?: ReadonlyArray<Token>
  readonly tls?: { readonly cert: string; readonly key: string }
  /** Absent: no faults are injected, and nothing is wrapped. */
  readonly faultInjection?: FaultInjection
}

/** Wraps the service of a layer. */
const behind = <I, S, E, R>(
  service: Context.Service<I, S>,
  layer: Layer.Layer<I, E, R>,
  wrap: (real: S) => S
): Layer.Layer<I, E, R> => Layer.effect(service, Effect.map(service, wrap)).pipe(Layer.provide(layer))

const connection = (settings: Settings) => ({
  inCluster: settings.cluster === "in-cluster",
  identities: settings.clusterIdentities,
  customKinds: settings.changesKinds
})

/** The cluster that the settings name, without a pipeline. */
export const cluster = (settings: Settings, onIdentity?: ClientNode.ClientNodeOptions["onIdentity"]) =>
  settings.cluster === "sandbox"
    ? Sandbox.layer({ customKinds: settings.changesKinds })
    : ClientNode.layer({ ...connection(settings), onIdentity })

/** The cluster as one of the listed identities, which is used even if it is rejected. */
export const clusterAs = (settings: Settings, only: string) => ClientNode.layer({ ...connection(settings), only })

/** The cluster, with a line in the audit log whenever another identity is used. */
const auditedCluster = (settings: Settings) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const audit = yield* AuditLog
      const scope = yield* Effect.scope
      return cluster(settings, (change) =>
        audit.record({ actor: "kubernaut", kind: "identity.changed", subject: change.to, data: { ...change } }).pipe(
          // The request that found it does not wait for the database.
          Effect.retry(Schedule.spaced("5 seconds")),
          Effect.orDie,
          Effect.forkIn(scope),
          Effect.asVoid
        )
      )
    })
  )

/** Where the connection to a real cluster is configured. */
export const clusterPlace = (settings: Settings) => ClientNode.place(connection(settings))

const providerUrl = { openai: "https://api.openai.com/v1", anthropic: "https://api.anthropic.com" }

/** One language model as a tier of the chain. */
export const llmInvestigator = (provider: LlmProvider, faults?: FaultInjection): Effect.Effect<Investigator> => {
  const options = {
    url: provider.url ?? providerUrl[provider.kind],
    model: provider.model,
    ...(provider.key === undefined ? {} : { apiKey: provider.key }),
    ...(provider.firstSign === undefined ? {} : { patience: { firstSignMs: Duration.toMillis(provider.firstSign) } })
  }
  const model = provider.kind === "openai" ? OpenAiLanguageModel : AnthropicLanguageModel
  const { layer, probe } = { layer: model.layer(options), probe: model.probe(options) }
  const { contextTokens, name, price } = provider
  const common = {
    provider: name,
    model: provider.model,
    ...(price === undefined ? {} : { price }),
    ...identityOf({ url: options.url, apiKey: provider.key }),
    ...(contextTokens === undefined ? {} : { contextTokens })
  }
  return faults === undefined
    ? LlmInvestigator.make({ ...common, probe }).pipe(Effect.provide(layer))
    : LlmInvestigator.make({ ...common, probe: faults.probe(name, probe) }).pipe(
        Effect.provide(behind(LanguageModel.LanguageModel, layer, (model) => faults.languageModel(name, model)))
      )
}

/** The key of HolmesGPT: a setting, or read from a file. */
const holmesgptKey = ({ holmesgptApiKey: key, holmesgptApiKeyFile: file }: Settings) =>
  file === undefined
    ? Effect.succeed(key)
    : Effect.map(Effect.context<FileSystem.FileSystem>(), (context) =>
        Effect.provideContext(HolmesGptInvestigator.apiKeyOfFile(file), context)
      )

/** HolmesGPT as a tier of the chain, if it is configured. */
export const holmesgptInvestigator = Effect.fnUntraced(function* (settings: Settings) {
  if (settings.holmesgptUrl === undefined) return []
  const apiKey = yield* holmesgptKey(settings)
  const { inputTokens, outputTokens, price } = settings.holmesgptSpend
  const investigator = yield* HolmesGptInvestigator.make({
    url: settings.holmesgptUrl,
    firstSign: settings.holmesgptFirstSign,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(settings.holmesgptModel === undefined ? {} : { model: settings.holmesgptModel }),
    estimate: { inputTokens: inputTokens ?? null, outputTokens: outputTokens ?? null },
    ...(price === undefined ? {} : { price })
  })
  return [investigator]
})

/** HolmesGPT, then the LLM providers in order. */
const investigators = ({ faultInjection, settings }: Prepared) =>
  Effect.zipWith(
    holmesgptInvestigator(settings),
    Effect.forEach(settings.llmProviders, (provider) => llmInvestigator(provider, faultInjection)),
    (holmesgpt, llms): ReadonlyArray<Investigator> => [...holmesgpt, ...llms]
  )

/** The HTTP client of HolmesGPT, as a layer so that it lives as long as the service. */
const holmesgptClient = (faultInjection: FaultInjection | undefined) =>
  faultInjection === undefined
    ? NodeHttpClient.layerUndici
    : behind(HttpClient.HttpClient, NodeHttpClient.layerUndici, faultInjection.holmesgpt)

/** Its breaker publishes to the hub of the service. */
const firingAlerts = ({ alertmanagerUrl }: Settings, events: EventHub.EventHub<ResilienceEvent>) =>
  alertmanagerUrl === undefined
    ? FiringAlerts.layerNone
    : FiringAlerts.layerAlertmanager({ url: alertmanagerUrl }).pipe(
        Layer.provide([NodeHttpClient.layerUndici, Layer.succeed(ResilienceEvents, events)])
      )

/** Its breaker publishes to the hub of the service, too. */
const targetMetrics = ({ prometheusSelector, prometheusUrl }: Settings, events: EventHub.EventHub<ResilienceEvent>) =>
  prometheusUrl === undefined
    ? Layer.empty
    : PrometheusMetrics.layer({
        url: prometheusUrl,
        ...(prometheusSelector === undefined ? {} : { selector: prometheusSelector })
      }).pipe(Layer.provide([NodeHttpClient.layerUndici, Layer.succeed(ResilienceEvents, events)]))

/** The server that the settings describe. `ready`: whether an alert could be stored now. */
export const serverOptions = Effect.fnUntraced(function* ({ settings, tls, tokens }: Prepared, ready: Check) {
  const metrics = yield* Metrics.Metrics
  return {
    host: settings.host,
    port: settings.port,
    maxBodyBytes: settings.maxBodySize,
    version,
    clusterName: settings.clusterName,
    mode: settings.mode,
    live: [{ name: "ping", check: Effect.succeed({ ok: true } as const) }],
    ready: [ready],
    metrics: metrics.expose,
    page: page(version),
    ...(tls === undefined ? {} : { tls }),
    ...(tokens === undefined ? {} : { tokens })
  } satisfies Server.ServerOptions
})

/** The times that the settings give to the parts of the service. */
export const timesOf = (
  settings: Pick<Settings, "approvalLifetime" | "clusterPatience" | "restoreTimeout" | "reviewTimeout" | "steadyFor">
) => ({
  actors: {
    patience: settings.clusterPatience,
    reviewTimeout: settings.reviewTimeout,
    approvalLifetime: settings.approvalLifetime
  },
  rollback: { restoreTimeout: settings.restoreTimeout },
  verification: { stabilisation: settings.steadyFor, alertQuiet: Duration.times(settings.steadyFor, 2) }
})

/** How the settings read alerts, and where is published what became of them. */
export const intakeOptions = (settings: Settings, hubs: ServiceMetrics.IntakeHubs) => {
  const watchdog = WatchdogParts.alertOf(settings)
  return {
    clusterAliases: settings.clusterAliases,
    clusterLabels: settings.clusterLabels,
    unlabelledAlerts: settings.unlabelledAlerts,
    severities: settings.severities,
    targetLabels: settings.targetLabels,
    ...(watchdog === undefined ? {} : { watchdog }),
    onReceived: hubs.alerts.publish,
    onTruncated: hubs.truncated.publish,
    onPosted: hubs.posts.publish
  }
}

/** The service on an open database, without the HTTP server, which `start` adds. */
export const service = (prepared: Prepared) => {
  const { faultInjection, rules, settings } = prepared
  const hubs = ServiceMetrics.makeIntakeHubs()
  const events = EventHub.make<ResilienceEvent>()
  return Layer.mergeAll(ServiceMetrics.layer(hubs, settings), components(faultInjection)).pipe(
    Layer.provide(WatchdogParts.layer(settings, hubs.alerts)),
    Layer.provideMerge(
      Kubernaut.layer({
        cluster: settings.clusterName,
        mode: settings.mode,
        allAiDown: settings.allAiDown,
        health: {
          levelDwell: settings.levelDwell,
          pressure: Cgroup.read(),
          ...(settings.pipelineCheck === "off" ? {} : { pipelineCheck: settings.pipelineCheck })
        },
        events,
        guardrails: settings.guardrails,
        investigators: investigators(prepared),
        investigation: {
          deadline: ({ name }) => (name === "holmesgpt" ? settings.holmesgptTimeout : "30 seconds"),
          ...(settings.hedgeAfter === undefined
            ? {}
            : { hedge: { after: settings.hedgeAfter, deadline: settings.hedgeDeadline } })
        },
        rules,
        spend: { budgets: settings.spendBudgets, currency: settings.spendCurrency },
        ...timesOf(settings),
        changes:
          settings.changes === "off"
            ? false
            : {
                kinds: settings.changesKinds,
                retention: settings.changesRetention,
                isNewCluster: settings.cluster === "sandbox"
              },
        intake: intakeOptions(settings, hubs)
      }).pipe(Layer.provide(holmesgptClient(faultInjection)))
    ),
    Layer.provideMerge(SinkSettings.layer(settings)),
    Layer.provideMerge(firingAlerts(settings, events)),
    Layer.provideMerge(targetMetrics(settings, events)),
    Layer.provide(
      faultInjection === undefined
        ? auditedCluster(settings)
        : behind(KubernetesClient, auditedCluster(settings), faultInjection.cluster)
    ),
    Layer.provide(NodeServices.layer)
  )
}

/** Everything except the HTTP server. Fails if the database cannot be opened. */
export const layer = (prepared: Prepared) => {
  const { settings } = prepared
  return service(prepared).pipe(
    Layer.provideMerge(
      Layer.merge(Storage.layerSqlite(StorageParts.storageOptions(settings)), StorageParts.spool(settings))
    )
  )
}

/**
 * Starts the long-running parts, the HTTP server last, and returns the address that it listens on. Fails when the port
 * is in use. `socket`: it listens already. The supervisor restarts parts that end later; `givenUp` fails when the
 * server does not stay up. Closing the scope stops the server first.
 */
export const start = Effect.fnUntraced(function* (prepared: Prepared, socket?: HttpServer.HttpServer["Service"]) {
  const { archiveAfter } = prepared.settings
  const listening = yield* Deferred.make<HttpServer.HttpServer["Service"]["address"], HttpServerError.ServeError>()
  const options = yield* serverOptions(prepared, yield* StorageParts.readyCheck)
  // One that has ended cannot be used again.
  let open = socket
  const server = Effect.sync(() => {
    const taken = open
    open = undefined
    return Server.layer(options, taken)
  })
  const http = Effect.flatMap(HttpServer.HttpServer, ({ address }) =>
    Effect.andThen(Deferred.succeed(listening, address), Effect.never)
  ).pipe(
    Effect.provide(Layer.unwrap(server)),
    Effect.tapCause((cause) => Deferred.failCause(listening, cause))
  )
  const children: ReadonlyArray<
    Supervisor.ChildSpec<HttpServerError.ServeError, Effect.Services<typeof http> | AuditLog | Archive>
  > = [
    ...(archiveAfter === undefined ? [] : [{ name: "archive", start: StorageParts.archiveDaily(archiveAfter) }]),
    ...(prepared.faultInjection === undefined ? [] : [{ name: "fault-injection", start: prepared.faultInjection.run }]),
    { name: "http", start: http }
  ]
  yield* watchReceiver
  const givenUp = yield* Deferred.make<never, Supervisor.Escalation>()
  yield* Supervisor.make(
    {
      name: "edge",
      // A process without its server is useless. Its own supervisor, such as the kubelet, should restart it.
      onEscalation: (escalation) => (escalation.child === "http" ? Deferred.fail(givenUp, escalation) : Effect.void)
    },
    children
  )
  return { address: yield* Deferred.await(listening), givenUp: Deferred.await(givenUp) }
})
