/**
 * The service as `kubernaut serve` runs it: `Kubernaut.layer` from the settings, with metrics, the status page and the
 * HTTP server around it.
 */

import { NodeHttpClient, NodeServices } from "@effect/platform-node"
import { type Context, Deferred, Duration, Effect, Layer, Option, Schedule } from "effect"
import { LanguageModel } from "effect/ai"
import { HttpClient, HttpServer, type HttpServerError } from "effect/http"
import { page } from "../console/LandingPage.ts"
import { RemediationId } from "../domain/Remediation.ts"
import type { Token } from "../http/Authentication.ts"
import * as Components from "../http/routes/Components.ts"
import type { Check } from "../http/routes/Operations.ts"
import * as Server from "../http/Server.ts"
import type { AlertReceived, AlertsTruncated } from "../intake/Intake.ts"
import { InvestigationChain } from "../investigation/InvestigationChain.ts"
import type { Investigator } from "../investigation/Investigator.ts"
import * as HolmesGptInvestigator from "../investigation/models/HolmesGptInvestigator.ts"
import * as LlmInvestigator from "../investigation/models/LlmInvestigator.ts"
import * as AnthropicLanguageModel from "../investigation/models/providers/AnthropicLanguageModel.ts"
import * as OpenAiLanguageModel from "../investigation/models/providers/OpenAiLanguageModel.ts"
import type { Rule } from "../investigation/rules/Rulebook.ts"
import * as Kubernaut from "../Kubernaut.ts"
import * as ClientNode from "../kubernetes/ClientNode.ts"
import * as ClusterIdentity from "../kubernetes/ClusterIdentity.ts"
import { KubernetesClient } from "../kubernetes/KubernetesClient.ts"
import * as Sandbox from "../kubernetes/Sandbox.ts"
import { Supervised } from "../remediation/Supervised.ts"
import * as EventHub from "../resilience/EventHub.ts"
import type { Bulkhead } from "../resilience/pipeline/Bulkhead.ts"
import * as Supervisor from "../resilience/supervision/Supervisor.ts"
import type { FaultInjection } from "../simulation/injection/FaultInjection.ts"
import { Archive } from "../storage/Archive.ts"
import { AuditLog } from "../storage/AuditLog.ts"
import { RemediationStore } from "../storage/RemediationStore.ts"
import { StandingOrders } from "../storage/StandingOrders.ts"
import * as Storage from "../storage/Storage.ts"
import { StorageHealth } from "../storage/StorageHealth.ts"
import type { Service } from "../telemetry/Instruments.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import * as FiringAlerts from "../verification/FiringAlerts.ts"
import type { LlmProvider, Settings } from "./settings/Settings.ts"
import { version } from "./Version.ts"

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
    ...(provider.key === undefined ? {} : { apiKey: provider.key })
  }
  const model = provider.kind === "openai" ? OpenAiLanguageModel : AnthropicLanguageModel
  const { layer, probe } = { layer: model.layer(options), probe: model.probe(options) }
  const { name } = provider
  return faults === undefined
    ? LlmInvestigator.make({ provider: name, probe }).pipe(Effect.provide(layer))
    : LlmInvestigator.make({ provider: name, probe: faults.probe(name, probe) }).pipe(
        Effect.provide(behind(LanguageModel.LanguageModel, layer, (model) => faults.languageModel(name, model)))
      )
}

/** HolmesGPT as a tier of the chain, if it is configured. */
export const holmesgptInvestigator = (settings: Settings) =>
  settings.holmesgptUrl === undefined
    ? Effect.succeed([])
    : Effect.map(
        HolmesGptInvestigator.make({
          url: settings.holmesgptUrl,
          ...(settings.holmesgptApiKey === undefined ? {} : { apiKey: settings.holmesgptApiKey }),
          ...(settings.holmesgptModel === undefined ? {} : { model: settings.holmesgptModel })
        }),
        (investigator) => [investigator]
      )

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

const firingAlerts = ({ alertmanagerUrl }: Settings) =>
  alertmanagerUrl === undefined
    ? FiringAlerts.layerNone
    : FiringAlerts.layerAlertmanager({ url: alertmanagerUrl }).pipe(Layer.provide(NodeHttpClient.layerUndici))

/**
 * Whether the last commit was stored, and whether the database can be read: looks up an id that does not exist. Both
 * are cheap enough for every probe. The supervised child `storage` writes when nothing else does.
 */
const storageCheck: Effect.Effect<Check, never, RemediationStore | StorageHealth> = Effect.gen(function* () {
  const store = yield* RemediationStore
  const health = yield* StorageHealth
  const readable = store.get(RemediationId.make("none")).pipe(
    Effect.as({ ok: true } as const),
    Effect.catch((error) => Effect.succeed({ ok: false, message: error.message } as const))
  )
  return {
    name: "storage",
    check: Effect.flatMap(health.status, (status) =>
      status._tag === "Up" ? readable : Effect.succeed({ ok: false, message: status.message } as const)
    )
  }
})

/** The status also reports children that the supervisor gave up on. */
const supervisorStatus = (children: ReadonlyArray<Supervisor.ChildStatus>) => {
  const missing = children
    .filter(({ status }) => status !== "running")
    .map(({ name, status }) => `${name} is ${status}`)
  return missing.length === 0 ? { status: "up" as const } : { status: "degraded" as const, message: missing.join("; ") }
}

/** Whether this is known to be the cluster that the database belongs to. */
const identityStatus = (state: ClusterIdentity.IdentityState) => {
  switch (state._tag) {
    case "Confirmed":
      return { status: "up" as const }
    case "Unconfirmed":
      return {
        status: "degraded" as const,
        message: "the uid of namespace kube-system has not been read yet, so nothing is written"
      }
    case "OtherCluster":
      return {
        status: "down" as const,
        message: `nothing is written: the database belongs to the cluster ${state.bound}, and this is ${state.found}`
      }
  }
}

const components = (faults: FaultInjection | undefined) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { tiers } = yield* InvestigationChain
      const kubernetes = yield* Kubernaut.ClusterPipeline
      const supervised = yield* Supervised
      const identity = yield* ClusterIdentity.ClusterIdentity
      const { circuitBreaker: alertmanager } = yield* FiringAlerts.FiringAlerts
      const { check } = yield* storageCheck
      const parts: ReadonlyArray<Components.Part> = [
        ...(faults === undefined
          ? []
          : [
              {
                name: "fault-injection",
                status: Effect.map(faults.describe, (message) => ({ status: "degraded" as const, message }))
              }
            ]),
        {
          name: "storage",
          status: Effect.map(check, (result) =>
            result.ok ? { status: "up" as const } : { status: "down" as const, message: result.message }
          )
        },
        { name: "supervisor", status: Effect.map(supervised.status, supervisorStatus) },
        { name: "cluster-identity", status: Effect.map(identity.state, identityStatus) },
        {
          name: "kubernetes",
          ...(kubernetes.circuitBreaker === undefined ? {} : { breaker: kubernetes.circuitBreaker })
        },
        ...(alertmanager === undefined ? [] : [{ name: "alertmanager", breaker: alertmanager }]),
        ...tiers.map(({ circuitBreaker, service }): Components.Part =>
          circuitBreaker === undefined
            ? { name: service, status: Effect.succeed({ status: "up" as const }) }
            : { name: service, breaker: circuitBreaker }
        )
      ]
      return Components.layer(parts)
    })
  )

const measured = (name: string, bulkhead: Bulkhead | undefined): Service =>
  bulkhead === undefined ? { name } : { name, bulkheadInUse: () => Effect.runSync(bulkhead.state).inUse }

const metrics = (alerts: EventHub.EventHub<AlertReceived>, truncated: EventHub.EventHub<AlertsTruncated>) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { tiers } = yield* InvestigationChain
      const kubernetes = yield* Kubernaut.ClusterPipeline
      return Metrics.layer({
        alerts,
        truncated,
        storage: (yield* StorageHealth).changes,
        emergencyStop: Effect.orElseSucceed(
          Effect.map((yield* StandingOrders).current("emergency-stop"), Option.isSome),
          () => undefined
        ),
        services: [
          measured(kubernetes.name, kubernetes.bulkhead),
          ...tiers.filter(({ name }) => name !== "rules").map(({ bulkhead, service }) => measured(service, bulkhead))
        ]
      })
    })
  )

const serverOptions = Effect.fnUntraced(function* ({ settings, tls, tokens }: Prepared) {
  const metrics = yield* Metrics.Metrics
  const check = yield* storageCheck
  return {
    host: settings.host,
    port: settings.port,
    maxBodyBytes: settings.maxBodySize,
    version,
    clusterName: settings.clusterName,
    mode: settings.mode,
    live: [{ name: "ping", check: Effect.succeed({ ok: true } as const) }],
    ready: [check],
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

/** Everything except the HTTP server, which `start` adds. */
export const layer = (prepared: Prepared) => {
  const { faultInjection, rules, settings } = prepared
  const alerts = EventHub.make<AlertReceived>()
  const truncated = EventHub.make<AlertsTruncated>()
  return Layer.mergeAll(metrics(alerts, truncated), components(faultInjection)).pipe(
    Layer.provideMerge(
      Kubernaut.layer({
        cluster: settings.clusterName,
        mode: settings.mode,
        allAiDown: settings.allAiDown,
        guardrails: settings.guardrails,
        investigators: investigators(prepared),
        investigation: { deadline: ({ name }) => (name === "holmesgpt" ? settings.holmesgptTimeout : "30 seconds") },
        rules,
        ...timesOf(settings),
        changes:
          settings.changes === "off"
            ? false
            : {
                kinds: settings.changesKinds,
                retention: settings.changesRetention,
                isNewCluster: settings.cluster === "sandbox"
              },
        intake: {
          clusterAliases: settings.clusterAliases,
          clusterLabels: settings.clusterLabels,
          unlabelledAlerts: settings.unlabelledAlerts,
          severities: settings.severities,
          targetLabels: settings.targetLabels,
          onReceived: alerts.publish,
          onTruncated: truncated.publish
        }
      }).pipe(Layer.provide(holmesgptClient(faultInjection)))
    ),
    Layer.provideMerge(firingAlerts(settings)),
    Layer.provide(
      faultInjection === undefined
        ? auditedCluster(settings)
        : behind(KubernetesClient, auditedCluster(settings), faultInjection.cluster)
    ),
    Layer.provideMerge(Storage.layerSqlite(storageOptions(settings))),
    Layer.provide(NodeServices.layer)
  )
}

/** `sqlite:./data/kubernaut.db` without its scheme. */
export const databaseFile = (settings: Settings): string => settings.databaseUrl.replace(/^sqlite:(\/\/)?/, "")

/** The database and its archive. */
export const storageOptions = (settings: Settings): Storage.StorageOptions => ({
  filename: databaseFile(settings),
  archive: {
    ...(settings.archiveDirectory === undefined ? {} : { directory: settings.archiveDirectory }),
    ...(settings.archiveKey === undefined ? {} : { keyFile: settings.archiveKey })
  }
})

/** Archives once a day. A failed run is logged, and the next day's run continues where it stopped. */
const archiveDaily = (olderThan: Duration.Duration) =>
  Effect.flatMap(Archive, (archive) =>
    archive.run(olderThan).pipe(
      Effect.flatMap(({ auditLines, remediations }) =>
        Effect.logInfo("Old data was archived", { remediations, auditLines })
      ),
      Effect.catch((error) => Effect.logError("Old data could not be archived", { reason: error.message })),
      Effect.andThen(Effect.sleep("1 day")),
      Effect.forever
    )
  )

/**
 * Starts the long-running parts, the HTTP server last, and returns the address that it listens on. Fails when the port
 * is in use. The supervisor restarts parts that end later; `givenUp` fails when the server does not stay up. Closing
 * the scope stops the server first.
 */
export const start = Effect.fnUntraced(function* (prepared: Prepared) {
  const { archiveAfter } = prepared.settings
  const metrics = yield* Metrics.Metrics
  const listening = yield* Deferred.make<HttpServer.HttpServer["Service"]["address"], HttpServerError.ServeError>()
  const options = yield* serverOptions(prepared)
  const http = Effect.flatMap(HttpServer.HttpServer, ({ address }) =>
    Effect.andThen(Deferred.succeed(listening, address), Effect.never)
  ).pipe(
    Effect.provide(Server.layer(options)),
    Effect.tapCause((cause) => Deferred.failCause(listening, cause))
  )
  const children: ReadonlyArray<
    Supervisor.ChildSpec<HttpServerError.ServeError, Effect.Services<typeof http> | AuditLog | Archive>
  > = [
    { name: "metrics", start: metrics.run },
    ...(archiveAfter === undefined ? [] : [{ name: "archive", start: archiveDaily(archiveAfter) }]),
    ...(prepared.faultInjection === undefined ? [] : [{ name: "fault-injection", start: prepared.faultInjection.run }]),
    { name: "http", start: http }
  ]
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
