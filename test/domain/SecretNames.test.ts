import { assert, describe, it } from "@effect/vitest"
import { isSecretKind, isSecretName, isSecretValue } from "../../src/domain/SecretNames.ts"

const words = (text: string): ReadonlyArray<string> => text.split(/\s+/).filter(Boolean)

const secret = words(`
  DB_PASSWORD DBPASSWORD DBPASS MYSQLPASS SMTPPASS smtppass dbpass PGPASS USERPASS REGISTRYPASS DBPASS1 PASSWORD2
  pass_word PASS_PHRASE ROOTPW rootpw BINDPW LDAPBINDPW dbPw admin_pwd HTPASSWD PASSWORDS DB_CREDS creds clientSecret
  SSHKEY AUTHKEY TSKEY LICENSEKEY license_key MASTERKEY SIGNINGKEYS apikeys API_KEYS SECRETKEYBASE tenantkey id_rsa
  JWT ACCESS_JWT HMAC hmac_sha256 SALT PASSWORDSALT pepper SEED TOTP_SEED mnemonic recovery_phrase recovery-codes OTP totp
  PIN userPin CARDPIN auth bearer SENTRY_DSN DBDSN keytab snmp_community
`)
const harmless = words(`
  bypass BYPASS_CACHE compass encompass nopass multipass proxy_pass proxypass passive keepass
  monkey turkey valkey hotkey publickey PUBLICKEY primarykey partitionkey topologyKey ssh_host_key key KEY
  random_seed seedNodes cpu_pin spin plugin pinned admin author AUTH0 pwm compost saltVersion tokens max_tokens
  web-7d9f8-x2xpw replicas LOG_LEVEL tls.crt image
`)

describe("names of secrets", () => {
  it("are found whether their words are separated, joined, or told apart by case", () => {
    assert.deepStrictEqual(
      secret.filter((name) => !isSecretName(name)),
      []
    )
  })

  it("are not taken for those of words that only end like them", () => {
    assert.deepStrictEqual(harmless.filter(isSecretName), [])
  })

  it("tell tokens from a count of tokens by the value", () => {
    assert.isTrue(isSecretValue("API_TOKENS", "ab12cd34"))
    assert.isTrue(isSecretValue("tokens", "letmein"))
    for (const count of ["4096", "128k", "1.5", 4096]) assert.isFalse(isSecretValue("max_tokens", count), String(count))
  })

  it("are found in linear time", () => {
    for (const name of ["PASS", "key_", "tokenKey", "pw"])
      assert.isFalse(isSecretName(`${name.repeat(20_000)}-`.replaceAll("\n", "")))
  })
})

describe("kinds of which nothing but names is shown", () => {
  it("are Secrets and custom kinds like them", () => {
    for (const kind of ["Secret", "SealedSecret", "AppSecret", "VaultStaticSecret", "DatabaseCredentials"])
      assert.isTrue(isSecretKind(kind), kind)
    for (const kind of ["ConfigMap", "SecretStore", "Deployment"]) assert.isFalse(isSecretKind(kind), kind)
  })
})
