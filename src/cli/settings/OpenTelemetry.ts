/**
 * The settings of traces. Their names, meanings and formats are those of OpenTelemetry's specification:
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables and
 * https://opentelemetry.io/docs/specs/otel/protocol/exporter. Two defaults differ: without an endpoint, nothing is
 * exported, and the queue is longer.
 *
 * Injectors and operators set such variables in every pod of a cluster, often for other programs. A variable with an
 * invalid value is therefore ignored with a warning, as the specification recommends. In the configuration file, which
 * is written for Kubernaut, an invalid value is an error.
 */

import { Schema } from "effect"
import { httpUrl, setting, wholeNumber } from "./Setting.ts"

const Protocol = Schema.Literals(["http/protobuf", "http/json"])

const HeaderName = Schema.String.check(
  Schema.isPattern(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { message: "Expected the name of an HTTP header" })
)
const HeaderValue = Schema.NonEmptyString.check(
  // A line break in a value would end the header.
  Schema.isPattern(/^[\t\x20-\x7e\x80-\xff]+$/, { message: "Expected the value of an HTTP header" })
)
const Headers = Schema.Record(HeaderName, Schema.RedactedFromValue(HeaderValue))

const milliseconds = wholeNumber(1, 3_600_000)
const millisecondsExpected = "a whole number of milliseconds from 1 to 3600000"
const spans = wholeNumber(1, 1_000_000)
const spansExpected = "a whole number of spans from 1 to 1000000"
const headersExpected = "pairs such as authorization=Bearer%20abc,x-tenant=prod"

export const openTelemetry = {
  otelSdkDisabled: setting(Schema.Boolean, {
    form: "boolean",
    fallback: false,
    description: "Disables the export of traces, regardless of the other settings.",
    expected: "true or false"
  }),
  otelServiceName: setting(Schema.String.check(Schema.isPattern(/\S/)), {
    form: "text",
    fallbackText: "service.name of OTEL_RESOURCE_ATTRIBUTES, otherwise kubernaut",
    description: "Name of this service in traces.",
    expected: "a name such as kubernaut"
  }),
  otelResourceAttributes: setting(Schema.Record(Schema.NonEmptyString, Schema.String), {
    form: "pairs",
    fallback: {},
    description:
      "Attributes of the resource that every span belongs to. k8s.cluster.name is always KUBERNAUT_CLUSTER_NAME.",
    expected: "pairs such as deployment.environment.name=prod,team=sre"
  }),
  otelExporterOtlpEndpoint: httpUrl({
    description:
      "Base address of an OTLP/HTTP receiver; traces are sent to v1/traces below it. Without an endpoint, nothing is exported, but trace ids are still generated.",
    example: "http://localhost:4318"
  }),
  otelExporterOtlpTracesEndpoint: httpUrl({
    description: "Full address that traces are sent to. Overrides OTEL_EXPORTER_OTLP_ENDPOINT.",
    example: "http://localhost:4318/v1/traces"
  }),
  otelExporterOtlpProtocol: setting(Protocol, {
    form: "text",
    fallback: "http/protobuf",
    description: "Encoding of exported traces. OTLP over gRPC is not supported.",
    expected: "http/protobuf or http/json"
  }),
  otelExporterOtlpTracesProtocol: setting(Protocol, {
    form: "text",
    description: "Encoding of exported traces. Overrides OTEL_EXPORTER_OTLP_PROTOCOL.",
    expected: "http/protobuf or http/json"
  }),
  otelExporterOtlpHeaders: setting(Headers, {
    form: "pairs",
    fallback: {},
    description: "HTTP headers of every export, such as credentials.",
    expected: headersExpected,
    secret: true
  }),
  otelExporterOtlpTracesHeaders: setting(Headers, {
    form: "pairs",
    fallback: {},
    description:
      "HTTP headers of every export of traces. Overrides headers of the same name in OTEL_EXPORTER_OTLP_HEADERS.",
    expected: headersExpected,
    secret: true
  }),
  otelExporterOtlpTimeout: setting(milliseconds, {
    form: "number",
    fallback: 10_000,
    description: "Time limit of one request to the receiver, in milliseconds.",
    expected: millisecondsExpected
  }),
  otelExporterOtlpTracesTimeout: setting(milliseconds, {
    form: "number",
    description: "Time limit of one request with traces, in milliseconds. Overrides OTEL_EXPORTER_OTLP_TIMEOUT.",
    expected: millisecondsExpected
  }),
  otelTracesSampler: setting(
    Schema.Literals([
      "always_on",
      "always_off",
      "traceidratio",
      "parentbased_always_on",
      "parentbased_always_off",
      "parentbased_traceidratio"
    ]),
    {
      form: "text",
      fallback: "parentbased_always_on",
      description:
        "Sampler that selects the traces to export. The parentbased samplers follow the decision of the caller, if there is one.",
      expected:
        "always_on, always_off, traceidratio, or one of these with the prefix parentbased_, such as parentbased_traceidratio"
    }
  ),
  otelTracesSamplerArg: setting(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })), {
    form: "number",
    fallback: 1,
    description: "Share of traces that a traceidratio sampler keeps.",
    expected: "a number from 0 to 1, such as 0.1"
  }),
  otelBspScheduleDelay: setting(milliseconds, {
    form: "number",
    fallback: 5_000,
    description: "How long an incomplete batch of spans waits for more, in milliseconds.",
    expected: millisecondsExpected
  }),
  otelBspExportTimeout: setting(milliseconds, {
    form: "number",
    fallback: 30_000,
    description:
      "Time limit of one export, in milliseconds. The shorter of this and OTEL_EXPORTER_OTLP_TIMEOUT applies.",
    expected: millisecondsExpected
  }),
  otelBspMaxQueueSize: setting(spans, {
    form: "number",
    // Enough for one minute with a few hundred remediations.
    fallback: 8192,
    description: "Maximum number of spans that wait for export; further spans are dropped and counted.",
    expected: spansExpected
  }),
  otelBspMaxExportBatchSize: setting(spans, {
    form: "number",
    fallback: 512,
    description: "Maximum number of spans in one export. By default at most OTEL_BSP_MAX_QUEUE_SIZE.",
    expected: spansExpected
  })
} as const
