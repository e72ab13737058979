import { assert, describe, it } from "@effect/vitest"
import { Duration, Redacted, Result } from "effect"
import { editDistance, isLoopback, nearest, parse } from "../../../src/cli/settings/Configuration.ts"
import {
  environmentKey,
  fileKey,
  jsonSchema,
  settingNames,
  settings,
  shown
} from "../../../src/cli/settings/Settings.ts"

const read = (environment: Record<string, string>, yaml?: string) =>
  parse({
    environment,
    terminal: false,
    ...(yaml === undefined ? {} : { file: { path: "kubernaut.yaml", text: yaml } })
  })

const values = (environment: Record<string, string>, yaml?: string) => {
  const result = read(environment, yaml)
  if (Result.isFailure(result)) throw result.failure
  return result.success
}

const problems = (environment: Record<string, string>, yaml?: string) => {
  const result = read(environment, yaml)
  return Result.isFailure(result) ? result.failure.problems : []
}

describe("Configuration", () => {
  it("defaults to the sandbox on loopback in mode auto", () => {
    const found = values({})
    assert.deepInclude(found, {
      host: "127.0.0.1",
      port: 8080,
      cluster: "sandbox",
      clusterName: "sandbox",
      mode: "auto",
      databaseUrl: "sqlite:./data/kubernaut.db",
      llmProviders: [],
      logFormat: "json"
    })
    assert.strictEqual(Duration.toMillis(found.holmesgptTimeout), 30_000)
    assert.strictEqual(Duration.toMillis(found.holmesgptFirstSign), 10_000)
    assert.isUndefined(found.holmesgptUrl)
  })

  it("defaults to mode observe on a real cluster", () => {
    assert.strictEqual(values({ KUBERNAUT_CLUSTER: "kubeconfig" }).mode, "observe")
    assert.strictEqual(values({ KUBERNAUT_CLUSTER: "in-cluster" }).mode, "observe")
    assert.strictEqual(values({ KUBERNAUT_CLUSTER: "kubeconfig", KUBERNAUT_MODE: "auto" }).mode, "auto")
  })

  it.each([
    "guardrails:\n  protectedNamespaces: [payments, !kube-system]",
    "guardrails:\n  protectedNamespaces:\n    - !kube-system\n    - payments",
    "guardrails:\n  respectManagers: [!helm]",
    "guardrails:\n  protectedNamespaces: [!other payments]"
  ])("says that a removal needs quotes in YAML: %j", (yaml) => {
    const found = problems({}, yaml)
    assert.strictEqual(found.length, 1)
    assert.match(found[0]?.message ?? "", /^!(kube-system|helm|other) is a YAML tag/)
    assert.match(found[0]?.at ?? "", /^kubernaut\.yaml:[23]$/)
  })

  it("defaults to a steady time of 10 seconds on the sandbox and 1 minute on a real cluster", () => {
    const steadyMs = (environment: Record<string, string>) => Duration.toMillis(values(environment).steadyFor)
    assert.strictEqual(steadyMs({}), 10_000)
    assert.strictEqual(steadyMs({ KUBERNAUT_CLUSTER: "kubeconfig" }), 60_000)
    assert.strictEqual(steadyMs({ KUBERNAUT_STEADY_FOR: "3 seconds" }), 3000)
  })

  it.each([
    ["KUBERNAUT_STEADY_FOR", "6 minutes", /less than 5m/],
    ["KUBERNAUT_STEADY_FOR", "5 minutes", /less than 5m/],
    ["KUBERNAUT_STEADY_FOR", "0 seconds", /more than zero/],
    ["KUBERNAUT_HOLMESGPT_TIMEOUT", "0 seconds", /more than zero/],
    ["KUBERNAUT_HOLMESGPT_TIMEOUT", "40 days", /at most 1 day/]
  ])("rejects %s=%s, with which the service could not do its work", (key, value, message) => {
    const [problem, ...others] = problems({ [key]: value })
    assert.deepStrictEqual([problem?.key, others], [key, []])
    assert.match(problem?.message ?? "", message)
  })

  it("protects one more namespace without taking the protection of kube-system away", () => {
    const { guardrails } = values({ KUBERNAUT_GUARDRAILS: '{"protectedNamespaces":["payments"]}' })
    assert.includeMembers([...guardrails.protectedNamespaces], ["kube-system", "payments"])
  })

  it("waits five minutes for a cluster that cannot be read, unless another patience is set", () => {
    const patienceMs = (environment: Record<string, string>) => Duration.toMillis(values(environment).clusterPatience)
    assert.strictEqual(patienceMs({}), 300_000)
    assert.strictEqual(patienceMs({ KUBERNAUT_CLUSTER_PATIENCE: "30 seconds" }), 30_000)
  })

  it("lists no other identity of the cluster unless one is set, and keeps their order", () => {
    assert.deepStrictEqual(values({}).clusterIdentities, [])
    assert.deepStrictEqual(values({ KUBERNAUT_CLUSTER_IDENTITIES: "backup,file:/run/token" }).clusterIdentities, [
      "backup",
      "file:/run/token"
    ])
  })

  it("ignores the variables of the development scripts", () => {
    assert.strictEqual(
      values({
        KUBERNAUT_TEST_KUBECONFIG: "/tmp/kubeconfig",
        KUBERNAUT_CACHE: "/tmp/cache",
        KUBERNAUT_CONTROL_PLANE_DIR: "/tmp/plane"
      }).port,
      8080
    )
  })

  it("reads a setting from the file under its lower-case name, and the environment overrides it", () => {
    const yaml = "port: 9000\nholmesgpt_timeout: 2 minutes\ncluster_name: prod"
    assert.deepInclude(values({}, yaml), { port: 9000, clusterName: "prod" })
    assert.strictEqual(Duration.toMillis(values({}, yaml).holmesgptTimeout), 120_000)
    assert.strictEqual(values({ KUBERNAUT_PORT: "9001" }, yaml).port, 9001)
  })

  it("reads providers from a JSON array in the environment and from a list in the file", () => {
    const json = `[{"name":"one","kind":"openai","url":"http://localhost:1","model":"m","key":"k"}]`
    const yaml = "llm_providers:\n  - { name: one, kind: openai, url: 'http://localhost:1', model: m, key: k }"
    for (const found of [values({ KUBERNAUT_LLM_PROVIDERS: json }), values({}, yaml)]) {
      const [provider] = found.llmProviders
      assert.strictEqual(provider?.name, "one")
      assert.strictEqual(provider?.key === undefined ? "" : Redacted.value(provider.key), "k")
    }
  })

  it("reads how alerts name the cluster, and accepts alerts that do not by default", () => {
    const { clusterAliases, clusterLabels, unlabelledAlerts } = values({})
    assert.deepStrictEqual([clusterAliases, unlabelledAlerts], [[], "accept"])
    assert.strictEqual(clusterLabels[0], "cluster")
    const found = values({
      KUBERNAUT_CLUSTER_ALIASES: "production, prod-eu",
      KUBERNAUT_CLUSTER_LABELS: "tenant",
      KUBERNAUT_UNLABELLED_ALERTS: "observe"
    })
    assert.deepStrictEqual(found.clusterAliases, ["production", "prod-eu"])
    assert.deepStrictEqual(found.clusterLabels, ["tenant"])
    assert.strictEqual(found.unlabelledAlerts, "observe")
    assert.deepStrictEqual(values({}, "cluster_aliases: [a, b]").clusterAliases, ["a", "b"])
  })

  it("reads the severities of an organisation's words from pairs in the environment and from a mapping in the file", () => {
    assert.deepStrictEqual(values({}).severities, {})
    const expected = { P1: "critical", debug: "info" } as const
    assert.deepStrictEqual(values({ KUBERNAUT_SEVERITIES: "P1=critical, debug=info" }).severities, expected)
    assert.deepStrictEqual(values({}, "severities: { P1: critical, debug: info }").severities, expected)
  })

  it("reads what an organisation's labels mean, from pairs in the environment and from a mapping in the file", () => {
    assert.deepStrictEqual(values({}).targetLabels, {})
    const expected = { app_pod: "Pod", team: "Namespace", deployment: "ignore" } as const
    assert.deepStrictEqual(
      values({ KUBERNAUT_TARGET_LABELS: "app_pod=Pod,team=Namespace,deployment=ignore" }).targetLabels,
      expected
    )
    assert.deepStrictEqual(
      values({}, "target_labels: { app_pod: Pod, team: Namespace, deployment: ignore }").targetLabels,
      expected
    )
  })

  it("treats an empty variable as unset", () => {
    assert.strictEqual(values({ KUBERNAUT_PORT: "", KUBERNAUT_HOLMESGPT_URL: "" }).port, 8080)
  })

  const wrong: ReadonlyArray<readonly [name: string, environment: Record<string, string>, key: string, text: RegExp]> =
    [
      [
        "an unknown key, and suggests the closest key",
        { KUBERNAUT_PROT: "1" },
        "KUBERNAUT_PROT",
        /unknown key; did you mean KUBERNAUT_PORT\?/
      ],
      [
        "an unknown key that is close to no setting",
        { KUBERNAUT_QQQQQQQQQQQQQQQQQQQ: "1" },
        "KUBERNAUT_QQQQQQQQQQQQQQQQQQQ",
        /unknown key; run kubernaut config to list all keys/
      ],
      [
        "a port that is not a number",
        { KUBERNAUT_PORT: "http" },
        "KUBERNAUT_PORT",
        /expected a whole number from 0 to 65535, got "http"/
      ],
      ["a port out of range", { KUBERNAUT_PORT: "65536" }, "KUBERNAUT_PORT", /from 0 to 65535, got 65536/],
      [
        "an unknown cluster",
        { KUBERNAUT_CLUSTER: "kind" },
        "KUBERNAUT_CLUSTER",
        /sandbox, kubeconfig or in-cluster, got "kind"/
      ],
      ["an unknown mode", { KUBERNAUT_MODE: "yolo" }, "KUBERNAUT_MODE", /observe, approve or auto/],
      ["a cluster name with a slash", { KUBERNAUT_CLUSTER_NAME: "a/b" }, "KUBERNAUT_CLUSTER_NAME", /prod-eu-1/],
      [
        "PostgreSQL, which is not supported yet",
        { KUBERNAUT_DATABASE_URL: "postgres://u:p@h/d" },
        "KUBERNAUT_DATABASE_URL",
        /PostgreSQL is not supported in this version/
      ],
      [
        "a database of another kind",
        { KUBERNAUT_DATABASE_URL: "mysql://x" },
        "KUBERNAUT_DATABASE_URL",
        /Expected sqlite:/
      ],
      [
        "a URL with a password",
        { KUBERNAUT_HOLMESGPT_URL: "http://u:p@h" },
        "KUBERNAUT_HOLMESGPT_URL",
        /without user and password/
      ],
      [
        "a URL of another scheme",
        { KUBERNAUT_HOLMESGPT_URL: "ftp://h" },
        "KUBERNAUT_HOLMESGPT_URL",
        /http:\/\/ or https:\/\//
      ],
      [
        "a duration without a unit",
        { KUBERNAUT_HOLMESGPT_TIMEOUT: "30" },
        "KUBERNAUT_HOLMESGPT_TIMEOUT",
        /with a unit/
      ],
      [
        "an API key without the URL of its server",
        { KUBERNAUT_HOLMESGPT_API_KEY: "k" },
        "KUBERNAUT_HOLMESGPT_URL",
        /required when/
      ],
      [
        "providers that are not JSON",
        { KUBERNAUT_LLM_PROVIDERS: "openai" },
        "KUBERNAUT_LLM_PROVIDERS",
        /not valid JSON/
      ],
      [
        "a provider without a model",
        { KUBERNAUT_LLM_PROVIDERS: `[{"name":"a","kind":"openai"}]` },
        "KUBERNAUT_LLM_PROVIDERS",
        /invalid at 0\.model/
      ],
      [
        "two providers with the same name",
        {
          KUBERNAUT_LLM_PROVIDERS: `[{"name":"a","kind":"openai","model":"m"},{"name":"a","kind":"openai","model":"m"}]`
        },
        "KUBERNAUT_LLM_PROVIDERS",
        /a unique name/
      ],
      [
        "a guardrail that does not exist",
        { KUBERNAUT_GUARDRAILS: `{"cooldwn":"1 minute"}` },
        "KUBERNAUT_GUARDRAILS",
        /cooldwn/
      ],
      [
        "a guardrail of a wrong type",
        { KUBERNAUT_GUARDRAILS: `{"maximumReplicas":"many"}` },
        "KUBERNAUT_GUARDRAILS",
        /maximumReplicas/
      ],
      ["a certificate without its key", { KUBERNAUT_TLS_CERT: "c.pem" }, "KUBERNAUT_TLS_KEY", /together/],
      [
        "a non-loopback address without tokens",
        { KUBERNAUT_HOST: "0.0.0.0" },
        "KUBERNAUT_TOKENS_FILE",
        /not a loopback address/
      ],
      [
        "an unknown treatment of alerts without a cluster",
        { KUBERNAUT_UNLABELLED_ALERTS: "reject" },
        "KUBERNAUT_UNLABELLED_ALERTS",
        /accept or observe, got "reject"/
      ],
      [
        "a meaning of a label that is not known",
        { KUBERNAUT_TARGET_LABELS: "app=Secret" },
        "KUBERNAUT_TARGET_LABELS",
        /Deployment.*Node, ignore/
      ],
      [
        "a severity that is not one of ours",
        { KUBERNAUT_SEVERITIES: "P1=urgent" },
        "KUBERNAUT_SEVERITIES",
        /P1=critical/
      ],
      [
        "an empty list of cluster labels",
        { KUBERNAUT_CLUSTER_LABELS: "[]" },
        "KUBERNAUT_CLUSTER_LABELS",
        /label names/
      ],
      ["an unknown log level", { KUBERNAUT_LOG_LEVEL: "loud" }, "KUBERNAUT_LOG_LEVEL", /debug, info, warn or error/],
      ["a body limit below a kilobyte", { KUBERNAUT_MAX_BODY_SIZE: "1" }, "KUBERNAUT_MAX_BODY_SIZE", /bytes/]
    ]
  for (const [name, environment, key, text] of wrong) {
    it(`refuses ${name}`, () => {
      const [problem, ...more] = problems(environment)
      assert.deepStrictEqual(more, [])
      assert.strictEqual(problem?.key, key)
      assert.match(problem?.message ?? "", text)
    })
  }

  it("reports the file and line of an unknown key, and suggests the closest key", () => {
    const [problem] = problems({}, "port: 8080\n\nholmesgpt_ulr: http://h\n")
    assert.deepInclude(problem, { key: "holmesgpt_ulr", at: "kubernaut.yaml:3" })
    assert.match(problem?.message ?? "", /did you mean holmesgpt_url\?/)
  })

  it("refuses a file that is not YAML or not a mapping", () => {
    assert.match(problems({}, "port: [")[0]?.message ?? "", /not valid YAML/)
    assert.match(problems({}, "- 1")[0]?.message ?? "", /expected a mapping/)
  })

  it("reports all problems together", () => {
    const keys = problems({ KUBERNAUT_PORT: "x", KUBERNAUT_MODE: "y", KUBERNAUT_PROT: "1" }, "cluster: z").map(
      ({ key }) => key
    )
    assert.sameMembers(keys, ["KUBERNAUT_PORT", "KUBERNAUT_MODE", "KUBERNAUT_PROT", "cluster"])
  })

  it("shows no secret in any problem", () => {
    const secret = "s3cr3t-value"
    const result = read({
      KUBERNAUT_LLM_PROVIDERS: `[{"name":"a","kind":"nope","model":"m","key":"${secret}"}]`,
      KUBERNAUT_DATABASE_URL: `postgres://u:${secret}@h/d`,
      KUBERNAUT_HOLMESGPT_API_KEY: secret,
      KUBERNAUT_HOLMESGPT_URL: `http://u:${secret}@h`,
      KUBERNAUT_ALERTMANAGER_URL: `ftp://h?token=${secret}`
    })
    assert.isTrue(Result.isFailure(result))
    assert.notInclude(Result.isFailure(result) ? result.failure.message : "", secret)
    for (const providers of [
      `{"key":"${secret}"`,
      `[{"name":"a","kind":"openai","model":"m","url":"http://u:${secret}@h"}]`,
      `[{"name":"a","kind":"openai","model":"m","${secret}":"key"}]`
    ]) {
      const refused = read({ KUBERNAUT_LLM_PROVIDERS: providers })
      assert.isTrue(Result.isFailure(refused), providers)
      assert.notInclude(Result.isFailure(refused) ? refused.failure.message : "", secret)
    }
  })

  it("shows addresses without user, password and query, wherever they are", () => {
    const { holmesgptUrl, llmProviders } = values({
      KUBERNAUT_HOLMESGPT_URL: "http://h:5050/base?token=s3cr3t",
      KUBERNAUT_LLM_PROVIDERS: `[{"name":"a","kind":"openai","model":"m","url":"https://l/v1?key=s3cr3t","key":"k"}]`
    })
    assert.strictEqual(shown(holmesgptUrl), "http://h:5050/base")
    assert.deepStrictEqual(shown(llmProviders), [
      { name: "a", kind: "openai", model: "m", url: "https://l/v1", key: "<redacted>" }
    ])
    assert.strictEqual(shown("http://u:p@h/x"), "http://h/x")
    assert.strictEqual(shown("http://h"), "http://h")
  })

  it("ignores the variables that Kubernetes adds for a Service named kubernaut, and still refuses a misspelt key", () => {
    const links = {
      KUBERNAUT_SERVICE_HOST: "10.0.0.1",
      KUBERNAUT_SERVICE_PORT: "8080",
      KUBERNAUT_SERVICE_PORT_HTTP: "8080",
      KUBERNAUT_PORT: "tcp://10.0.0.1:8080",
      KUBERNAUT_PORT_8080_TCP: "tcp://10.0.0.1:8080",
      KUBERNAUT_PORT_8080_TCP_ADDR: "10.0.0.1"
    }
    assert.strictEqual(values(links).port, 8080)
    assert.strictEqual(problems({ ...links, KUBERNAUT_SERVICE: "x" }).length, 1)
  })

  it("derives the environment and file keys from the name, describes each setting, and lists exactly them in the JSON Schema", () => {
    assert.strictEqual(fileKey("holmesgptApiKey"), "holmesgpt_api_key")
    assert.strictEqual(environmentKey("holmesgptApiKey"), "KUBERNAUT_HOLMESGPT_API_KEY")
    assert.strictEqual(environmentKey("otelExporterOtlpEndpoint"), "OTEL_EXPORTER_OTLP_ENDPOINT")
    const { schema } = jsonSchema() as { readonly schema: { readonly properties: object } }
    assert.sameMembers(Object.keys(schema.properties), settingNames.map(fileKey))
    for (const name of settingNames) assert.isAbove(settings[name].description.length, 10)
  })

  it("distinguishes loopback addresses from others", () => {
    for (const host of ["127.0.0.1", "127.8.9.1", "localhost", "::1"]) assert.isTrue(isLoopback(host), host)
    for (const host of ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example.com", "1270.0.0.1"])
      assert.isFalse(isLoopback(host), host)
  })

  it("suggests the key with the smallest edit distance, and none if all are far", () => {
    assert.strictEqual(editDistance("kitten", "sitting"), 3)
    assert.strictEqual(editDistance("", "abc"), 3)
    assert.strictEqual(nearest("hots", ["host", "port"]), "host")
    assert.isUndefined(nearest("entirely", ["host", "port"]))
  })
})
