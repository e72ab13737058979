import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { isSecretName } from "../../../src/domain/SecretNames.ts"
import { redact, redactLabels } from "../../../src/investigation/evidence/Redaction.ts"

// Text that no pattern contains by chance.
const secret = "zQ7xWv93LmPk2RtY"
const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJlLXNpZ25hdHVyZQ"

describe("Redaction", () => {
  it.each([
    [`password=${secret}`],
    [`DB_PASSWORD: ${secret}`],
    [`db.password = "${secret}"`],
    [`{"api_key":"${secret}","user":"bob"}`],
    [`{\\"clientSecret\\":\\"${secret}\\"}`],
    [`client_secret='${secret}'`],
    [`--token ${secret} --verbose`],
    [`--db-password=${secret}`],
    [`Authorization: Bearer ${secret}`],
    [`authorization: Basic ${secret}==`],
    [`curl -H "X-Api-Key: ${secret}"`],
    [`GET /x?access_token=${secret}&page=2`],
    [`postgres://app:${secret}@db.shop:5432/orders`],
    [`redis://:${secret}@cache`],
    [`- name: DB_PASSWORD\n  value: ${secret}\n- name: PORT\n  value: "80"`],
    [`{"name":"STRIPE_SECRET_KEY","value":"${secret}"}`],
    [`token ${jwt.slice(0, 3)} is ${jwt}`],
    [`AWS_SECRET_ACCESS_KEY=${secret}`],
    [`key AKIA${"ABCDEFGHIJKLMNOP"}`],
    [`ghp_${secret}${secret}`],
    [`sk-proj-${secret}${secret}`],
    [`-----BEGIN RSA PRIVATE KEY-----\n${secret}\n-----END RSA PRIVATE KEY-----`],
    [`-----BEGIN PRIVATE KEY-----\n${secret}\n(cut off`]
  ])("removes the secret from %j", (text) => {
    const clean = redact(text)
    assert.notInclude(clean, secret)
    assert.notInclude(clean, "eyJzdWIi")
    assert.notInclude(clean, "ABCDEFGHIJKLMNOP")
    assert.include(clean, "[redacted:")
  })

  it.each([
    [
      'Back-off pulling image "registry.example/shop/checkout@sha256:0d1f5c0b8e3a4d5f6a7b8c9d0e1f2a3b4c5d6e7f8091a2b3c4d5e6f708192a3b"'
    ],
    ['secret "checkout-tls" not found'],
    ["max_tokens: 4096, tokens=12"],
    ["the author: bob"],
    ["pod checkout-7d9f8c6b5-x2x9z was OOMKilled (exit code 137)"],
    ["https://grafana.example/d/abc?from=now-1h"]
  ])("leaves %j unchanged", (text) => {
    assert.strictEqual(redact(text), text)
  })

  it.each([
    ["(using password: YES)"],
    ["password: ********"],
    ["DB_PASSWORD: <set to the key 'password' in secret 'db'>  Optional: false"],
    ["open /var/run/secrets/token: permission denied"]
  ])("leaves %j unchanged, which says that there is a secret and not which", (text) => {
    assert.strictEqual(redact(text), text)
  })

  it("keeps the text around a secret readable", () => {
    assert.strictEqual(
      redact("connect postgres://app:hunter2@db/shop failed: password=hunter2 rejected"),
      "connect postgres://app:[redacted:password]@db/shop failed: password=[redacted:value] rejected"
    )
  })

  it("redacts a label by its name even when its value does not look like a secret", () => {
    assert.deepStrictEqual(redactLabels({ api_key: "abc", pod: "checkout", dsn: "x" }), {
      api_key: "[redacted:value]",
      pod: "checkout",
      dsn: "[redacted:value]"
    })
    assert.isTrue(isSecretName("STRIPE_SECRET_KEY"))
    assert.isTrue(isSecretName("DB_PASSWORD_OLD"))
    assert.isTrue(isSecretName("SecretString"))
    assert.isFalse(isSecretName("tokens"))
  })

  const value = Arbitrary.map(
    Arbitrary.array(Arbitrary.schema(Schema.Literals([..."abcdefXYZ019_-./+=%$"])), { minLength: 8, maxLength: 40 }),
    (characters) => characters.join("")
  )
  const name = Schema.Literals([
    "password",
    "DB_PASSWORD",
    "api_key",
    "clientSecret",
    "X-Auth-Token",
    "private_key",
    "session.id"
  ])
  const separator = Schema.Literals(["=", ": ", " = ", '": "', ":"])

  it.effect.prop(
    "a value beside a secret name never survives, whatever its characters",
    [name, separator, value],
    ([key, between, hidden]) =>
      Effect.sync(() => {
        assert.notInclude(redact(`before ${key}${between}${hidden} after`), hidden)
      })
  )

  it.effect.prop(
    "redacting twice gives the same text as redacting once",
    [Schema.String, name, value],
    ([text, key, hidden]) =>
      Effect.sync(() => {
        const once = redact(`${text} ${key}=${hidden} ${text}`)
        assert.strictEqual(redact(once), once)
      })
  )
})
