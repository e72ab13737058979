import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { parse } from "../../../src/cli/settings/Configuration.ts"

const read = (environment: Record<string, string>) => parse({ environment, terminal: false })

describe("the settings of Prometheus", () => {
  it("are its address and matchers, and neither by default", () => {
    const found = Result.getOrThrow(
      read({
        KUBERNAUT_PROMETHEUS_URL: "http://prometheus:9090",
        KUBERNAUT_PROMETHEUS_SELECTOR: 'cluster="prod-a", region!~"eu-.*"'
      })
    )
    assert.strictEqual(found.prometheusUrl, "http://prometheus:9090")
    assert.strictEqual(found.prometheusSelector, 'cluster="prod-a", region!~"eu-.*"')
    assert.notProperty(Result.getOrThrow(read({})), "prometheusUrl")
  })

  it.each(["cluster", "cluster=prod", 'cluster="a"} or up{a="b"', 'cluster="a" or b="c"', "{}", 'a="\n"'])(
    "%s is no list of matchers, and the message names the setting",
    (value) => {
      const result = read({ KUBERNAUT_PROMETHEUS_SELECTOR: value })
      assert.isTrue(Result.isFailure(result), value)
      if (Result.isFailure(result)) assert.include(result.failure.message, "KUBERNAUT_PROMETHEUS_SELECTOR")
    }
  )
})
