import { assert, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { redact } from "../../../src/investigation/evidence/Redaction.ts"

it.live("redaction takes linear time on half a megabyte of hostile text", () =>
  Effect.gen(function* () {
    const hostile =
      "a-".repeat(100_000)
      + "password".repeat(1000)
      + "name: ".repeat(20_000)
      + "eyJ-".repeat(20_000)
      + "sk-".repeat(20_000)
      + "password=\\".repeat(5000)
      + "https://a:".repeat(5000)
      + "https://x/hooks/a-b1".repeat(5000)
      + "_1".repeat(20_000)
      + "token ".repeat(20_000)
      + "passwords:\n- ".repeat(5000)
      + "mysql -".repeat(5000)
      + "<token ".repeat(5000)
      + "kind: Secret\ndata:\n a: b\n".repeat(2000)
      + "cohere".repeat(5000)
      + '<add key="Password" value="'.repeat(2000)
      + `${"Ab0/".repeat(16)}\n`.repeat(1000)
      + "-----END PRIVATE KEY-----\n".repeat(2000)
      + `${"A".repeat(31)} -----END RSA PRIVATE KEY-----`.repeat(1000)
    const [took] = yield* Effect.timed(Effect.sync(() => redact(hostile)))
    // With one quadratic pattern it took 36 s.
    assert.isBelow(Duration.toMillis(took), 5000)
  })
)
