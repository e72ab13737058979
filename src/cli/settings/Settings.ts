/**
 * Every setting of the service: one schema for the environment and for the YAML file, and the source of the tables in
 * help and docs.
 *
 * Each setting has one name with two spellings: `KUBERNAUT_HOLMESGPT_URL` in the environment is `holmesgpt_url` in the
 * file. OpenTelemetry's own variables have no prefix. In the environment, a list is a JSON array, or comma-separated if
 * its items are words.
 */

import { Duration, Redacted, Schema } from "effect"
import { conflictIn } from "../../decision/BlastRadiusSettings.ts"
import { GuardrailSettings } from "../../decision/GuardrailSettings.ts"
import { Severity } from "../../domain/Alert.ts"
import { DurationText } from "../../domain/DurationText.ts"
import { Mode } from "../../domain/Mode.ts"
import { defaultClusterLabels } from "../../intake/AlertCluster.ts"
import { meanings } from "../../intake/AlertTarget.ts"
import { Price } from "../../investigation/spend/Price.ts"
import { Requested } from "../../simulation/injection/Requested.ts"
import { publicUrl } from "../../telemetry/PublicUrl.ts"
import { alertmanager } from "./AlertmanagerSettings.ts"
import { changes } from "./ChangeSettings.ts"
import { health } from "./HealthSettings.ts"
import { hedge } from "./HedgeSettings.ts"
import { holmesgpt } from "./HolmesGptSettings.ts"
import { notifications } from "./NotificationSettings.ts"
import { openTelemetry } from "./OpenTelemetry.ts"
import { prometheus } from "./PrometheusSettings.ts"
import { HttpUrl, Secret, setting, Timeout, wholeNumber } from "./Setting.ts"
import { spend } from "./SpendSettings.ts"
import { storage } from "./StorageSettings.ts"

export const LlmProvider = Schema.Struct({
  name: Schema.String.check(
    Schema.isPattern(/^[a-z0-9][a-z0-9._-]{0,62}$/, { message: "Expected a short lower-case name such as openai" })
  ),
  kind: Schema.Literals(["openai", "anthropic"]),
  url: Schema.optionalKey(HttpUrl),
  model: Schema.NonEmptyString,
  key: Schema.optionalKey(Secret),
  /**
   * How long to wait until the model writes. Comments, and events that a server sends before it does, do not count.
   * More for a model whose thoughts are not sent, or that needs longer to read a prompt. Default 10 seconds.
   */
  firstSign: Schema.optionalKey(Timeout),
  /** The context window of the model. Default 131,072 tokens. */
  contextTokens: Schema.optionalKey(wholeNumber(1000, 100_000_000)),
  /** Absent: what a call costs is not known. */
  price: Schema.optionalKey(Price)
})
export type LlmProvider = typeof LlmProvider.Type

export const settings = {
  host: setting(Schema.NonEmptyString, {
    form: "text",
    fallback: "127.0.0.1",
    description: "Address to listen on. An address other than loopback requires KUBERNAUT_TOKENS_FILE.",
    expected: "a host name or address, such as 127.0.0.1 or 0.0.0.0"
  }),
  port: setting(wholeNumber(0, 65535), {
    form: "number",
    fallback: 8080,
    description: "Port to listen on; 0 selects a free port.",
    expected: "a whole number from 0 to 65535"
  }),
  tlsCert: setting(Schema.NonEmptyString, {
    form: "text",
    description:
      "PEM file with the certificate chain of the server. Set it together with KUBERNAUT_TLS_KEY to enable HTTPS.",
    expected: "the path to a PEM file"
  }),
  tlsKey: setting(Schema.NonEmptyString, {
    form: "text",
    description: "PEM file with the private key of the certificate.",
    expected: "the path to a PEM file"
  }),
  tokensFile: setting(Schema.NonEmptyString, {
    form: "text",
    description:
      "YAML file with bearer tokens: a list of entries with name, role (source, viewer or operator) and token.",
    expected: "the path to a YAML file"
  }),
  maxBodySize: setting(wholeNumber(1024, 1024 * 1024 * 1024), {
    form: "number",
    // 10,000 alerts, the most in one request, were measured at 8.5 MB with the rules of kube-prometheus.
    fallback: 9 * 1024 * 1024,
    description:
      "Maximum size of a request body in bytes. Larger requests get a 413. The default fits 10,000 alerts, the most in one request.",
    expected: "a whole number of bytes from 1024 to 1073741824"
  }),
  clusterName: setting(
    Schema.String.check(
      Schema.isPattern(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/, {
        message: "Expected a name such as prod-eu-1"
      })
    ),
    {
      form: "text",
      fallbackText: "sandbox on the sandbox, otherwise kubernetes",
      description: "Name of the cluster, used in targets, action budgets, breakers and spans.",
      expected: "1 to 63 letters, digits, dots, hyphens or underscores, such as prod-eu-1"
    }
  ),
  clusterAliases: setting(Schema.Array(Schema.NonEmptyString), {
    form: "words",
    fallback: [],
    description:
      "Other names of the cluster in the labels of alerts. An alert that names another cluster is recorded as Observed and never acted on.",
    expected: "names such as production,prod-eu"
  }),
  clusterLabels: setting(Schema.Array(Schema.NonEmptyString).check(Schema.isMinLength(1)), {
    form: "words",
    fallback: defaultClusterLabels,
    description: "Labels that name the cluster of an alert. Each of them that an alert has must name this cluster.",
    expected: "one or more label names such as cluster,k8s_cluster_name"
  }),
  unlabelledAlerts: setting(Schema.Literals(["accept", "observe"]), {
    form: "text",
    fallback: "accept",
    description:
      "What to do with alerts that name no cluster: accept works on them, observe only records them. Choose observe where several clusters share an Alertmanager.",
    expected: "accept or observe"
  }),
  targetLabels: setting(Schema.Record(Schema.NonEmptyString, Schema.Literals(meanings)), {
    form: "pairs",
    fallback: {},
    description:
      "What labels of your alerts mean: a kind such as Deployment or Pod, Namespace, or ignore for a label that names no object. They take precedence over the known conventions.",
    expected: `label=meaning pairs such as app_pod=Pod,team_namespace=Namespace,deployment=ignore; a meaning is ${meanings.join(", ")}`
  }),
  severities: setting(Schema.Record(Schema.NonEmptyString, Severity), {
    form: "pairs",
    fallback: {},
    description:
      "Severities (critical, warning, info or none) of the words that your alerts use in the label severity. A word that nobody maps is a warning.",
    expected: "word=severity pairs such as P1=critical,high=critical,debug=info"
  }),
  cluster: setting(Schema.Literals(["sandbox", "kubeconfig", "in-cluster"]), {
    form: "text",
    fallback: "sandbox",
    description:
      "Cluster to remediate: sandbox is an in-memory cluster, kubeconfig uses the current context, in-cluster is the cluster of this pod.",
    expected: "sandbox, kubeconfig or in-cluster"
  }),
  clusterIdentities: setting(Schema.Array(Schema.NonEmptyString), {
    form: "words",
    fallback: [],
    description:
      "Identities to use, in order, when the API server rejects the current one with 401: contexts of the same kubeconfig for the same server, or file: and the path of a token file. Never used after a 403.",
    expected:
      "names of contexts, or file:/path/to/token, separated by commas, such as backup,file:/var/run/secrets/spare/token"
  }),
  ...changes,
  ...health,
  mode: setting(Mode, {
    form: "text",
    fallbackText: "auto on the sandbox, otherwise observe",
    description:
      "observe only reports what it would do, approve requires a review of every action, auto executes actions that the guardrails allow.",
    expected: "observe, approve or auto"
  }),
  allAiDown: setting(Schema.Literals(["rules", "emergency"]), {
    form: "text",
    fallback: "rules",
    description: "What follows when every model is out: the rules go on alone (level 2), or an emergency (level 3).",
    expected: "rules or emergency"
  }),
  steadyFor: setting(Timeout, {
    form: "text",
    fallbackText: "10 seconds on the sandbox, otherwise 1 minute",
    description:
      "How long a target must stay healthy without a restart to be verified as fixed. Where Alertmanager can be asked, the alert must be absent for twice as long. Set it longer than a broken container takes to crash, and shorter than the 5 minutes that a target has to settle.",
    expected: "a duration with a unit, more than zero and less than 5 minutes, such as 30 seconds"
  }),
  clusterPatience: setting(DurationText, {
    form: "text",
    fallback: "5 minutes",
    description:
      "How long a remediation waits for a cluster that cannot be read now, before a person is told so: for Kubernaut's own limits, or for an API server that does not respond.",
    expected: "a duration with a unit, such as 30 seconds or 5 minutes"
  }),
  restoreTimeout: setting(Timeout, {
    form: "text",
    fallback: "5 minutes",
    description:
      "How long a rollback waits until the pods of the target are as ready as they were before the action. Then it says that they are not.",
    expected: "a duration with a unit, more than zero and at most 1 day, such as 5 minutes"
  }),
  reviewTimeout: setting(Timeout, {
    form: "text",
    fallback: "24 hours",
    description:
      "The time for a person to answer a review. After it the review times out, which is no rejection: nothing is done, and the next post of the alert begins new work.",
    expected: "a duration with a unit, more than zero, such as 8 hours"
  }),
  approvalLifetime: setting(Timeout, {
    form: "text",
    fallback: "1 hour",
    description:
      "How long an approval is good for if the action cannot start at once. After it the approval expires: nothing is done by it, and the person is asked again.",
    expected: "a duration with a unit, more than zero, such as 30 minutes"
  }),
  databaseUrl: setting(
    Schema.String.check(
      Schema.makeFilter((text: string) => !/^postgres(ql)?:/.test(text), {
        message: "PostgreSQL is not supported in this version; use sqlite:./data/kubernaut.db"
      }),
      Schema.isPattern(/^sqlite:.+/, {
        message: "Expected sqlite: followed by a path, such as sqlite:./data/kubernaut.db"
      })
    ),
    {
      form: "text",
      fallback: "sqlite:./data/kubernaut.db",
      description:
        "Database for the journal, the audit log and the action history. It belongs to the first cluster that it is used with. sqlite::memory: loses all data when the service stops.",
      expected: "sqlite: followed by a path, such as sqlite:./data/kubernaut.db",
      // A postgres:// address may carry a password.
      secret: true
    }
  ),
  ...storage,
  ...holmesgpt,
  ...hedge,
  llmProviders: setting(
    Schema.Array(LlmProvider).check(
      Schema.makeFilter(
        (providers: ReadonlyArray<{ readonly name: string }>) =>
          new Set(providers.map((provider) => provider.name)).size === providers.length,
        {
          message: "Expected each provider to have a unique name"
        }
      )
    ),
    {
      form: "json",
      fallback: [],
      description:
        "LLM providers in the order they are tried: a list of entries with name, kind (openai or anthropic), url, model, key, firstSign (how long to wait until the model writes; 10 seconds, allow more for one whose thoughts are not sent), contextTokens (131072) and price (of a million tokens: input and output; 0 if it costs nothing).",
      expected: `a list such as [{"name":"openai","kind":"openai","model":"gpt-5","key":"…"}]`,
      secret: true
    }
  ),
  ...spend,
  ...alertmanager,
  ...prometheus,
  guardrails: setting(GuardrailSettings.check(Schema.makeFilter(conflictIn)), {
    form: "json",
    fallback: {},
    description:
      "Limits on actions: protectedNamespaces, cooldown, blastRadius, actionsPerWindow, giveUp, peers, ineffectiveLimit, ineffectiveFor, respectManagers, minimumConfidence, answerLifetime, automaticRisk, maximumReplicas, maximumScaleFactor, maximumNodesOut, removableKinds. Omitted fields keep their defaults. The lists extend their defaults: protectedNamespaces [payments] protects one more namespace, and !kube-system removes one.",
    expected: `a mapping such as {"cooldown":"10 minutes","protectedNamespaces":["payments"]}`
  }),
  rulebook: setting(Schema.NonEmptyString, {
    form: "text",
    description:
      "YAML file with rules that extend or replace the built-in rules. Check it with kubernaut rulebook check FILE.",
    expected: "the path to a YAML file"
  }),
  logLevel: setting(Schema.Literals(["debug", "info", "warn", "error"]), {
    form: "text",
    fallback: "info",
    description: "Minimum level of log messages.",
    expected: "debug, info, warn or error"
  }),
  logFormat: setting(Schema.Literals(["json", "pretty"]), {
    form: "text",
    fallbackText: "pretty on a terminal, otherwise json",
    description: "Format of log messages: json writes one object per line, pretty is for terminals.",
    expected: "json or pretty"
  }),
  faultInjection: setting(Schema.Array(Requested), {
    form: "words",
    fallback: [],
    description:
      "Simulator faults to inject into the requests of this service, for testing. A name injects a fault at intervals; an object {kind, parameters} injects it permanently. Empty: no fault injection. See the README.",
    expected: `names such as network-latency,rate-limited, or a list such as [{"kind":"service-down","parameters":{"peers":["holmesgpt"]}}]`
  }),
  faultSeed: setting(wholeNumber(0, Number.MAX_SAFE_INTEGER), {
    form: "number",
    fallback: 1,
    description: "Random seed of the injected faults: their times, durations and parameters.",
    expected: "a whole number"
  }),
  faultCluster: setting(Schema.NonEmptyString, {
    form: "text",
    description:
      "Permits KUBERNAUT_FAULT_INJECTION on a real cluster in modes approve and auto. Must equal KUBERNAUT_CLUSTER_NAME.",
    expected: "the name of the cluster"
  }),
  ...notifications,
  ...openTelemetry
} as const

export type SettingName = keyof typeof settings

export const settingNames = Object.keys(settings) as ReadonlyArray<SettingName>

/** `holmesgptUrl` is `holmesgpt_url` in the file. */
export const fileKey = (name: SettingName): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** `holmesgptUrl` is `KUBERNAUT_HOLMESGPT_URL` in the environment. */
export const environmentKey = (name: SettingName): string =>
  `${name in openTelemetry ? "" : "KUBERNAUT_"}${fileKey(name).toUpperCase()}`

type Table = typeof settings
type HasFallback<Name extends SettingName> = Table[Name] extends
  | { readonly fallback: unknown }
  | { readonly fallbackText: string }
  ? Name
  : never

/** An invalid value that does not prevent the start: the `key` as written, and what is wrong. */
export interface Warning {
  readonly key: string
  readonly message: string
}

/** The parsed settings. Settings with a default are always present. */
export type Settings = { readonly warnings: ReadonlyArray<Warning> } & {
  readonly [Name in SettingName as HasFallback<Name>]: Table[Name]["schema"]["Type"]
} & {
  readonly [Name in SettingName as Exclude<Name, HasFallback<Name>>]?: Table[Name]["schema"]["Type"]
}

/** The URL that traces are sent to; `undefined` if they are not exported. */
export const tracesUrl = (
  settings: Pick<Settings, "otelSdkDisabled" | "otelExporterOtlpTracesEndpoint" | "otelExporterOtlpEndpoint">
): string | undefined => {
  const { otelExporterOtlpEndpoint: base, otelExporterOtlpTracesEndpoint: full, otelSdkDisabled } = settings
  if (otelSdkDisabled) return undefined
  // A query follows the path.
  return full ?? base?.replace(/\/?(?=[?#]|$)/, "/v1/traces")
}

/** The encoding of exported traces. */
export const tracesProtocol = (
  settings: Pick<Settings, "otelExporterOtlpTracesProtocol" | "otelExporterOtlpProtocol">
) => settings.otelExporterOtlpTracesProtocol ?? settings.otelExporterOtlpProtocol

/** The file as JSON Schema (draft 2020-12), for editors. */
export const jsonSchema = (): unknown => {
  const fields = Object.fromEntries(
    settingNames.map((name) => [
      fileKey(name),
      Schema.optionalKey(
        (settings[name].schema as Schema.Constraint & Schema.Codec<unknown>).annotate({
          description: settings[name].description
        })
      )
    ])
  )
  return Schema.toJsonSchemaDocument(Schema.toEncoded(Schema.Struct(fields)), { onExcessProperty: "error" })
}

/**
 * Converts a value for display: without secrets, and without the query of an address. Of headers it shows only the
 * number, because part of a malformed header's value may have been parsed as its name.
 */
export const shown = (value: unknown): unknown => {
  if (Redacted.isRedacted(value)) return "<redacted>"
  if (typeof value === "string") return publicUrl(value)
  if (Duration.isDuration(value)) return Schema.encodeSync(DurationText)(value)
  if (Array.isArray(value)) return value.map(shown)
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value)
  return entries.length > 0 && entries.every(([, each]) => Redacted.isRedacted(each))
    ? `<${entries.length} header${entries.length === 1 ? "" : "s"}, redacted>`
    : Object.fromEntries(entries.map(([key, each]) => [key, shown(each)]))
}
