import { assert, describe, it } from "@effect/vitest"
import { isPlainSetting } from "../../src/domain/SecretSettings.ts"

const plain = [
  ..."true off Enabled required strict vault redis ecr-login osxkeychain kubernetes scram-sha-256 HS256 bcrypt aes-256-gcm".split(
    " "
  ),
  ..."5 0.5 64Mi 80% 3600000 30s 1h30m 500ms PT15M P30D 2026-01-01 2026-01-01T03:00:00Z eu-west-1 us-gov-west-1".split(
    " "
  ),
  ..."/etc/vault/token ./passwords.txt ~/.config/store https://vault.shop.svc:8200/v1 redis://cache:6379 vault.shop.svc".split(
    " "
  ),
  "0 3 * * *",
  "@daily",
  "15 minutes",
  "${STORE}",
  "$(STORE)",
  "{{ .Values.store }}",
  "",
  12,
  0.5,
  true,
  "org.springframework.security.crypto.bcrypt.BCryptPasswordEncoder"
]
const secret = [
  ..."hunter-two hunter2 letmein tiger-lily 48151623 1234567 correct.horse.battery vaults redis1 s3cr3t secret postgres default 12-34-56".split(
    " "
  ),
  ..."https://app:hunter@db/x https://x.example.com/?token=abc /Ab3dEf9hIjKlMnOp /9j4AAQSkZJRg 5x a@b abc:1234".split(
    " "
  ),
  "correct horse",
  "true story",
  "5 apples",
  83_619_274,
  null,
  undefined,
  { a: "vault" },
  "x".repeat(5000)
]

describe("a plain setting", () => {
  it("is a known word, a number, a time, a path or an address without credentials", () => {
    assert.deepStrictEqual(
      plain.filter((value) => !isPlainSetting(value)),
      []
    )
  })

  it("is nothing that may be a secret", () => {
    assert.deepStrictEqual(
      secret.filter((value) => isPlainSetting(value)),
      []
    )
  })
})
