import { assert, describe, it } from "@effect/vitest"
import { anyCase } from "../../src/domain/AnyCase.ts"
import {
  doubtfulWord,
  isSecretFile,
  isSecretKind,
  isSecretName,
  isSecretValue,
  secretWord
} from "../../src/domain/SecretNames.ts"

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

/** Which of several, whose, several of them, and short. */
const behind = words(`
  DB_PASSWORD_RO DB_PASSWORD_READONLY DB_PASS_RO db-pass-ro PASSWORD_ADMIN PASSWORD_ROOT PASSWORD_BILLING dbPasswordProd
  PASSWORDV2 dbpwd1 secretkeybase2 TOKEN_RW token_a tokenGithub DB_PASSWORD_ATLAS API_KEY_STRIPE_EU apiKeyStripe
  CLIENT_SECRET_2_EU shared_secret_a CREDENTIALS_JSON secretsJson ConnectionStrings__Default DSN_MAIN
  DB_PSWD DB_PASSWRD DB_PSW pasword APPCRED appcred GITHUB_PAT pat ALLPASS SUBPASS CALLPASS JENKINSPASS DERBYPASS pwds
  passphrases SECRET_KEY_BASES unlock_code
`)
const several = words("SEEDS SALTS JWTS PINS API_TOKENS TOKENS1 COOKIES signatures")
/** About a secret: where it is, how it has to be, how long it is good for. */
const about = words(`
  passwordPolicy PASSWORD_POLICY_STRICT passwordMinLength PASSWORD_FILE DB_PASSWORD_FILE_OLD passwordAttempts
  passwordHashRounds passwordResetUrl pass_through passThroughMode PASS_RATE passHostHeader secretName secretNamespace
  secretRef secretKeyRef secretProviderClass tokenTTL tokenTTLSeconds TOKEN_ISSUER tokenURLPath token_count
  passwordEncryption password_encryption TOKEN_LEEWAY tokenScope passwordExpiry PASSWORD_MAX_AGE passwordRotation
  tokenReviewer credentialsFile accessKeyId api_key_name
  path patch pattern patches spat dispatch compat spinner author sacred keyword upward forward encompass cacheBypass
  token-refresher.yaml
`)
/** About a secret, or whose it is: services have such names. */
const either = words(`
  DB_PASSWORD_CACHE DB_PASSWORD_STORE DB_PASSWORD_STORE_PROD dbPasswordIdentity DB_PASSWORD_NETWORK DB_PASSWORD_POOL
  DB_PASSWORD_ENV DB_PASSWORD_PROCESS DB_PASSWORD_TEMPLATE ADMIN_PASSWORD_PROVIDER POSTGRES_PASSWORD_HISTORY
  DB_PASSWORD_SCHEDULE DB_PASSWORD_SUPPORT DB_PASSWORD_LOCATION PASSWORD_DOMAIN API_KEY_SOURCE DB_PASSWORD_CONFIG
  secretStore PasswordAuthentication PASSWORD_DICTIONARY credsStore credHelpers credentialsProvider credential_process
  SECRET_REGION tokenCache psk_identity GITHUB_TOKEN_STORE TOKEN_SERVICE tokenRefresh SECRET_OPERATOR CLIENT_SECRET_AGENT
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

  it("may say behind the word which of several secrets they are, in any words", () => {
    assert.deepStrictEqual(
      behind.filter((name) => !isSecretName(name)),
      []
    )
  })

  it("are not those that say something about a secret", () => {
    assert.deepStrictEqual(
      about.filter((name) => isSecretValue(name, "hunter2Zx9")),
      []
    )
  })

  it("are those that may say whose they are, unless the value is a plain setting", () => {
    for (const value of ["hunter-two", "hunter2Zx9", "tiger lily", "83619274"])
      assert.deepStrictEqual(
        either.filter((name) => !isSecretValue(name, value)),
        [],
        value
      )
    for (const value of ["vault", "30s", "5", 5, false, "/etc/vault/file", "https://vault.shop.svc:8200"])
      assert.deepStrictEqual(
        either.filter((name) => isSecretValue(name, value)),
        [],
        String(value)
      )
  })

  it("are secret whatever the value is if they end in a secret word, or nothing behind it may be a setting", () => {
    for (const name of [
      "STORE_DB_PASSWORD",
      "CACHE_TOKEN",
      "SECRET_STORE_KEY",
      "PASSWORD_CACHE_SALT",
      "PASSWORD_BILLING"
    ])
      for (const value of ["vault", "5", "30s"]) assert.isTrue(isSecretValue(name, value), `${name}=${value}`)
  })

  it("may be of several secrets, unless the value is a count or a list of addresses", () => {
    assert.deepStrictEqual(
      several.filter((name) => !isSecretValue(name, "hunter2Zx9")),
      []
    )
    assert.isFalse(isSecretValue("CASSANDRA_SEEDS", "cassandra-0.cassandra,cassandra-1.cassandra:7000"))
    assert.isFalse(isSecretValue("pins", "4"))
    assert.isFalse(isSecretValue("secrets", "10"), "a quota")
    assert.isFalse(isSecretValue("tokensPerSecond", 41))
  })

  it("are those of files that hold one secret, and not of files with settings", () => {
    for (const name of ["token.txt", "password-billing.txt", "token.yaml", "tokens.yaml"])
      assert.isTrue(isSecretFile(name, "a"), name)
    for (const name of ["token-refresher.yaml", "app.conf", "notes.txt", "secretName"])
      assert.isFalse(isSecretFile(name, "a"), name)
  })

  it("tell tokens from a count of tokens by the value", () => {
    assert.isTrue(isSecretValue("API_TOKENS", "ab12cd34"))
    assert.isTrue(isSecretValue("tokens", "letmein"))
    for (const count of ["4096", "128k", "1.5", 4096]) assert.isFalse(isSecretValue("max_tokens", count), String(count))
  })

  it("have patterns small enough for the engine to optimize, with room for a context", () => {
    for (const word of [secretWord, doubtfulWord]) assert.isBelow(anyCase(word).source.length, 18_000)
  })

  it("are found in linear time", () => {
    for (const name of ["PASS", "key_", "tokenKey", "pw", "PASS_", "secretA", "password_file_"])
      assert.isFalse(isSecretName(`${name.repeat(20_000)}-`.replaceAll("\n", "")))
  })
})

describe("kinds of which nothing but names is shown", () => {
  it("are Secrets and custom kinds like them", () => {
    for (const kind of ["Secret", "SealedSecret", "AppSecret", "VaultStaticSecret", "DatabaseCredentials", "ApiToken"])
      assert.isTrue(isSecretKind(kind), kind)
    for (const kind of ["ConfigMap", "SecretStore", "TokenReview", "Deployment"])
      assert.isFalse(isSecretKind(kind), kind)
  })
})
