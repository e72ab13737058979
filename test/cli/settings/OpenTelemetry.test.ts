import { assert, describe, it } from "@effect/vitest"
import { Redacted, Result } from "effect"
import { resource } from "../../../src/cli/commands/Serve.ts"
import { parse } from "../../../src/cli/settings/Configuration.ts"
import { shown, tracesUrl } from "../../../src/cli/settings/Settings.ts"
import { version } from "../../../src/cli/Version.ts"

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

describe("the settings of traces", () => {
  it("has the specification's defaults, but no endpoint and a longer queue", () => {
    assert.deepInclude(values({}), {
      otelSdkDisabled: false,
      otelServiceName: "kubernaut",
      otelResourceAttributes: {},
      otelExporterOtlpProtocol: "http/protobuf",
      otelExporterOtlpHeaders: {},
      otelExporterOtlpTimeout: 10_000,
      otelTracesSampler: "parentbased_always_on",
      otelTracesSamplerArg: 1,
      otelBspScheduleDelay: 5_000,
      otelBspExportTimeout: 30_000,
      otelBspMaxQueueSize: 8192,
      otelBspMaxExportBatchSize: 512
    })
    assert.isUndefined(values({}).otelExporterOtlpEndpoint)
  })

  it("reads percent-encoded pairs from the environment, and a mapping from the file", () => {
    const encoded = "a=1, b = x%2Cy=z ,service.name=shop,"
    for (const found of [
      values({ OTEL_RESOURCE_ATTRIBUTES: encoded }),
      values({}, `otel_resource_attributes: { a: "1", b: "x,y=z", service.name: shop }`)
    ]) {
      assert.deepStrictEqual(found.otelResourceAttributes, { a: "1", b: "x,y=z", "service.name": "shop" })
      assert.strictEqual(found.otelServiceName, "shop")
    }
    assert.strictEqual(values({ OTEL_RESOURCE_ATTRIBUTES: encoded, OTEL_SERVICE_NAME: "own" }).otelServiceName, "own")
  })

  it("reads a sampling ratio, a boolean in any case, and header values as secrets", () => {
    const found = values({
      OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "0.25",
      OTEL_SDK_DISABLED: "True",
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20abc"
    })
    assert.deepInclude(found, { otelTracesSamplerArg: 0.25, otelSdkDisabled: true })
    const { authorization } = found.otelExporterOtlpHeaders
    assert.strictEqual(authorization === undefined ? "" : Redacted.value(authorization), "Bearer abc")
  })

  const endpoints: ReadonlyArray<readonly [environment: Record<string, string>, url: string | undefined]> = [
    [{}, undefined],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318" }, "http://c:4318/v1/traces"],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318/otlp/" }, "http://c:4318/otlp/v1/traces"],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c/otlp?token=t" }, "http://c/otlp/v1/traces?token=t"],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://t/x" }, "http://t/x"],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://t/x" }, "http://t/x"],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c", OTEL_SDK_DISABLED: "true" }, undefined]
  ]
  for (const [environment, url] of endpoints)
    it(`exports traces to ${url ?? "no receiver"} with ${JSON.stringify(environment)}`, () =>
      assert.strictEqual(tracesUrl(values(environment)), url))

  const invalid: ReadonlyArray<readonly [key: string, text: string, message: RegExp]> = [
    ["OTEL_SDK_DISABLED", "yes", /expected true or false, got "yes"/],
    ["OTEL_SDK_DISABLED", "1", /expected true or false, got "1"/],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", /http:\/\/ or https:\/\//],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:s3cr3t@h:4318", /without user and password/],
    ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "ftp://c?token=s3cr3t", /http:\/\/ or https:\/\//],
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", /expected http\/protobuf or http\/json, got "grpc"/],
    ["OTEL_EXPORTER_OTLP_TIMEOUT", "10s", /a whole number of milliseconds/],
    ["OTEL_EXPORTER_OTLP_TIMEOUT", "0", /a whole number of milliseconds/],
    ["OTEL_EXPORTER_OTLP_TIMEOUT", "1.5", /a whole number of milliseconds/],
    ["OTEL_BSP_EXPORT_TIMEOUT", "0", /a whole number of milliseconds/],
    ["OTEL_RESOURCE_ATTRIBUTES", "novalue", /expected pairs such as .*, got "novalue"/],
    ["OTEL_RESOURCE_ATTRIBUTES", "a=100%,b=2", /expected pairs/],
    ["OTEL_EXPORTER_OTLP_HEADERS", "s3cr3t", /; pair 1 is not name=value/],
    ["OTEL_EXPORTER_OTLP_HEADERS", "x=y,Authorization: Bearer s3cr3t=", /; pair 2 is not name=value/],
    ["OTEL_EXPORTER_OTLP_HEADERS", "x=y,x=z,a s3cr3t=s3cr3t", /; pair 3 is not name=value/],
    ["OTEL_EXPORTER_OTLP_HEADERS", "authorization=s3cr3t 100%", /; pair 1 is not name=value/],
    ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=s3cr3t%0Ax", /; pair 1 is not name=value/],
    ["OTEL_TRACES_SAMPLER", "parentbased_jaeger_remote", /such as parentbased_traceidratio, got "parentbased_jaeger/],
    ["OTEL_TRACES_SAMPLER_ARG", "2", /a number from 0 to 1/],
    ["OTEL_BSP_MAX_QUEUE_SIZE", "-1", /a whole number of spans/]
  ]
  for (const [key, text, message] of invalid)
    it(`ignores ${key}=${text} with a warning that says what is valid and shows no secret`, () => {
      const { warnings, ...found } = values({ [key]: text })
      const { warnings: _, ...defaults } = values({})
      assert.deepStrictEqual(found, defaults)
      assert.deepStrictEqual(
        warnings.map((warning) => warning.key),
        [key]
      )
      assert.match(warnings[0]!.message, message)
      assert.match(warnings[0]!.message, /\. The value is ignored$/)
      assert.notInclude(warnings[0]!.message, "s3cr3t")
    })

  const invalidInFile: ReadonlyArray<readonly [yaml: string, message: RegExp]> = [
    ["otel_exporter_otlp_protocol: grpc", /expected http\/protobuf or http\/json, got "grpc"/],
    ["otel_exporter_otlp_timeout: 0", /a whole number of milliseconds/],
    ["otel_exporter_otlp_endpoint: http://user:s3cr3t@h", /without user and password/],
    ['otel_exporter_otlp_headers: { x: y, "Authorization: Bearer s3cr3t": x }', /; pair 2 is not name=value$/],
    ["otel_exporter_otlp_headers: { Authorization: 12345 }", /; pair 1 is not name=value$/],
    ['otel_exporter_otlp_headers: "Authorization: Bearer s3cr3t="', /; pair 1 is not name=value$/],
    ['otel_service_name: " "', /expected a name/],
    ["otel_bsp_max_export_batch_size: 10000", /must not exceed OTEL_BSP_MAX_QUEUE_SIZE/]
  ]
  for (const [yaml, message] of invalidInFile)
    it(`refuses the line ${yaml} of the file, and shows no secret`, () => {
      const [problem, ...more] = problems({}, yaml)
      assert.deepStrictEqual([problem?.key, problem?.at, more], [yaml.split(":")[0], "kubernaut.yaml:1", []])
      assert.match(problem?.message ?? "", message)
      assert.notMatch(problem?.message ?? "", /s3cr3t|12345/)
    })

  it("uses the value of the file instead of an invalid variable", () => {
    const found = values({ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, "otel_exporter_otlp_protocol: http/json")
    assert.strictEqual(found.otelExporterOtlpProtocol, "http/json")
  })

  it("warns what is sent where when the protocol is not supported", () => {
    const [warning] = values({
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4317?token=s3cr3t"
    }).warnings
    assert.match(
      warning?.message ?? "",
      /The value is ignored: traces are sent as http\/protobuf to http:\/\/c:4317\/v1\/traces$/
    )
  })

  const batches: ReadonlyArray<
    readonly [environment: Record<string, string>, yaml: string, batch: number, warnings: ReadonlyArray<string>]
  > = [
    [{ OTEL_BSP_MAX_QUEUE_SIZE: "256" }, "", 256, []],
    [{}, "otel_bsp_max_queue_size: 256", 256, []],
    [{ OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "10000" }, "", 8192, ["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"]],
    [{ OTEL_BSP_MAX_QUEUE_SIZE: "256" }, "otel_bsp_max_export_batch_size: 300", 256, ["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"]]
  ]
  for (const [environment, yaml, batch, keys] of batches)
    it(`fits a batch of ${batch} spans into the queue with ${JSON.stringify(environment)} and the file "${yaml}"`, () => {
      const found = values(environment, yaml)
      assert.strictEqual(found.otelBspMaxExportBatchSize, batch)
      assert.deepStrictEqual(
        found.warnings.map(({ key }) => key),
        keys
      )
    })

  it("reads a ratio without a digit before the point", () => {
    const { otelTracesSamplerArg, warnings } = values({ OTEL_TRACES_SAMPLER_ARG: ".5" })
    assert.deepStrictEqual([otelTracesSamplerArg, warnings], [0.5, []])
  })

  for (const environment of [
    { OTEL_SERVICE_NAME: "  " },
    { OTEL_RESOURCE_ATTRIBUTES: "service.name=" },
    { OTEL_RESOURCE_ATTRIBUTES: "service.name=%20", OTEL_SERVICE_NAME: " " }
  ])
    it(`treats a blank name of the service as unset: ${JSON.stringify(environment)}`, () => {
      const { otelServiceName, warnings } = values(environment)
      assert.deepStrictEqual([otelServiceName, warnings], ["kubernaut", []])
    })

  it("shows the number of headers, but neither their values nor their names", () => {
    const { otelExporterOtlpHeaders: one } = values({ OTEL_EXPORTER_OTLP_HEADERS: "c2VjcmV0==" })
    const { otelExporterOtlpHeaders: two } = values({}, 'otel_exporter_otlp_headers: "authorization=Bearer x, b=c"')
    assert.strictEqual(shown(one), "<1 header, redacted>")
    assert.strictEqual(shown(two), "<2 headers, redacted>")
  })

  it("identifies the resource by KUBERNAUT_CLUSTER_NAME, and treats a blank version as unset", () => {
    const { attributes, serviceVersion } = resource(
      values({
        KUBERNAUT_CLUSTER_NAME: "mine",
        OTEL_RESOURCE_ATTRIBUTES: "k8s.cluster.name=other,service.version=,team=sre"
      })
    )
    assert.deepInclude(attributes, { "k8s.cluster.name": "mine", team: "sre" })
    assert.strictEqual(serviceVersion, version)
  })
})
