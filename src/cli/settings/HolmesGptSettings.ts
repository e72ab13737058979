/** The settings of HolmesGPT. */

import { Schema } from "effect"
import { httpUrl, Secret, setting, Timeout } from "./Setting.ts"

export const holmesgpt = {
  holmesgptUrl: httpUrl({
    description: "Base URL of the HolmesGPT API server. Without it, investigations start with the LLM providers.",
    example: "http://localhost:5050"
  }),
  holmesgptApiKey: setting(Secret, {
    form: "text",
    description: "API key for the HolmesGPT server.",
    expected: "a non-empty API key",
    secret: true
  }),
  holmesgptApiKeyFile: setting(Schema.NonEmptyString, {
    form: "text",
    description:
      "File with the API key for the HolmesGPT server, such as a mounted Secret. It is read again when the server rejects the key, so that a rotated key needs no restart.",
    expected: "the path to a file with the key and nothing else"
  }),
  holmesgptTimeout: setting(Timeout, {
    form: "text",
    fallback: "30 seconds",
    description: "Deadline of one HolmesGPT investigation. Servers with many toolsets may need minutes.",
    expected: "a duration with a unit, more than zero and at most 1 day, such as 30 seconds or 2 minutes"
  }),
  holmesgptFirstSign: setting(Timeout, {
    form: "text",
    fallback: "10 seconds",
    description:
      "How long to wait for the first part of HolmesGPT's answer, before the next model is asked. HolmesGPT sends it after the first reply of its own model, so allow more for a slow one.",
    expected: "a duration with a unit, more than zero and at most 1 day, such as 10 seconds"
  }),
  holmesgptModel: setting(Schema.NonEmptyString, {
    form: "text",
    description: "Model for HolmesGPT to use, by its name in HolmesGPT's model list.",
    expected: "a model name from HolmesGPT's /api/model"
  })
} as const
