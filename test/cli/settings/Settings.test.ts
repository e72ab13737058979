import { assert, describe, it } from "@effect/vitest"
import { settings } from "../../../src/cli/settings/Settings.ts"
import { GuardrailSettings } from "../../../src/decision/GuardrailSettings.ts"

describe("the setting guardrails", () => {
  it.each(Object.keys(GuardrailSettings.fields))("names the limit %s in its description", (limit) => {
    assert.include(settings.guardrails.description, limit)
  })
})
