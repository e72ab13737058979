import { assert, describe, it } from "@effect/vitest"
import { isHeld } from "../../src/domain/SecretHolders.ts"

const value = "correct horse"

describe("what is beneath a secret name", () => {
  it("is a secret at any depth", () => {
    for (const path of [
      "passwords.alice",
      "credentials.alice",
      "apiKeys.svc1",
      "basicAuth.bob",
      "tokens.bob",
      "secret.a",
      "adminPassword.inline.x",
      "dbPasswordsEu.app",
      "secret.config.passwords.host"
    ])
      assert.isTrue(isHeld(`spec.${path}`.split("."), value), path)
  })

  it("is none if it says something about the secret", () => {
    for (const path of [
      "volumes.secret.secretName",
      "volumes.secret.items.path",
      "volumes.secret.defaultMode",
      "secrets.name",
      "token.ttl",
      "tokens.maxCount",
      "adminPassword.valueFrom.secretKeyRef.key",
      "credentials.secretRef",
      "privateKey.algorithm",
      "imagePullSecrets.name",
      "passwordPolicy.strict",
      "labels.app"
    ])
      assert.isFalse(isHeld(`spec.${path}`.split("."), value), path)
  })

  it("is none if it is a plain value of what may be a setting, and one if it may be a secret", () => {
    for (const path of ["secret.source", "token.provider", "tokens.cache", "tokenStore.prod", "passwordStore.prod"]) {
      assert.isTrue(isHeld(path.split("."), "hunter-two"), path)
      assert.isFalse(isHeld(path.split("."), "vault"), path)
    }
    assert.isTrue(isHeld(["passwords", "cache"], "vault"))
    assert.isTrue(isHeld(["secret", "a"], "vault"))
  })

  it("is one even then if the value looks like one", () => {
    assert.isTrue(isHeld(["tokens", "refresh"], "hunter2Zx9"))
    assert.isFalse(isHeld(["secret", "secretName"], "hunter2Zx9"))
  })

  it("is none if it only says yes or no", () => {
    assert.isFalse(isHeld(["passwords", "alice"], true))
  })
})
