import { assert, describe, it } from "@effect/vitest"
import { signed } from "../../src/notification/WebhookSignature.ts"

describe("the signature of a webhook", () => {
  it("is the one of the specification's example, so that its libraries accept it", () => {
    // https://github.com/standard-webhooks/standard-webhooks: the test vector of the reference libraries.
    const headers = signed("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", {
      id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
      timestampSeconds: 1614265330,
      body: '{"test": 2432232314}'
    })
    assert.deepStrictEqual(headers, {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    })
  })

  it("changes with the id, the time, the body and the secret", () => {
    const of = (secret: string, id: string, timestampSeconds: number, body: string) =>
      signed(secret, { id, timestampSeconds, body })["webhook-signature"]
    const all = [
      of("s", "1", 1, "a"),
      of("s", "2", 1, "a"),
      of("s", "1", 2, "a"),
      of("s", "1", 1, "b"),
      of("t", "1", 1, "a")
    ]
    assert.strictEqual(new Set(all).size, all.length)
  })
})
