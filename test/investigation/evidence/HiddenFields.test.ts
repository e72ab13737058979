import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import type { FieldPath } from "../../../src/domain/FieldPath.ts"
import { changeView } from "../../../src/http/ChangeView.ts"
import { changeForPeople } from "../../../src/investigation/evidence/SuspectEvidence.ts"
import { container, created, modified, ref } from "../../changes/scenes.ts"

const secret = "Zq7vK2mX9pLw4RtB"

const env = (name: string): FieldPath => container("env", { by: "name", value: name }, "value")

/** Everything in which a change leaves the process. */
const shown = (change: Parameters<typeof changeView>[0]): string =>
  JSON.stringify([changeView(change), changeForPeople(change)])

const config = ref("ConfigMap", "settings")
const workload = ref("Deployment", "checkout")

describe("the fields of a change that people see", () => {
  it("have no value of a variable, key or annotation with a secret name", () => {
    const paths: ReadonlyArray<FieldPath> = [
      env("DB_PASSWORD"),
      env("STRIPE_API_KEY"),
      ["data", "db-password"],
      ["data", "password.txt"],
      ["data", ".pgpass"],
      ["data", "pgpass.conf"],
      ["data", "clientSecret"],
      ["metadata", "annotations", "example.com/auth-token"],
      ["spec", "auth", "password", "value"],
      ["spec", "credentials", "plaintext"],
      ["spec", "basicAuth", "users", "admin"],
      ["spec", "dbCredentials", { by: "name", value: "app" }, "first"],
      ["spec", "passwords", "app"],
      env("DBPASS"),
      env("SMTPPASS"),
      env("JWT"),
      ["data", "LDAPBINDPW"],
      ["data", "API_TOKENS"],
      ["data", "creds"],
      ["spec", "apiTokens", "alice"],
      ["spec", "tokens", "bob"],
      ["spec", "adminPassword", "inline", "x"],
      ["spec", "secret", "config", "passwords", "alice"],
      ["data", "DB_PASSWORD_BILLING"],
      ["data", "password-billing.txt"],
      env("GITHUB_PAT")
    ]
    for (const path of paths)
      for (const kind of [config, workload])
        assert.notInclude(
          shown(modified(kind, -1, path, { before: secret, after: `${secret}2` })),
          secret,
          String(path)
        )
  })

  it("show to which Secret credentials refer", () => {
    const path = ["spec", "credentials", "secretRef", "name"]
    assert.include(shown(modified(workload, -1, path, { before: "db-old", after: "db-new" })), "db-new")
    const whole = modified(workload, -1, ["spec", "credentials"], { after: { secretName: "db-new" } })
    assert.include(shown(whole), "db-new")
  })

  it("have no secret of a value that changed as a whole: lists of arguments, variables and maps", () => {
    const values: ReadonlyArray<readonly [FieldPath, never]> = [
      [container("args"), ["serve", "--password", secret] as never],
      [container("args"), ["--token", secret, "--verbose"] as never],
      [container("args"), ["--dbpass", secret, "--verbose"] as never],
      [["spec", "tokens"], [secret, `${secret}2`] as never],
      [container("command"), ["mysql", "-uroot", "-p", secret] as never],
      [container("command"), ["sh", "-c", `curl -H 'Authorization: Bearer ${secret}${secret}' x`] as never],
      [container("env"), [{ name: "DB_PASSWORD", value: secret }] as never],
      [["data"], { DB_PASSWORD: secret, "app.properties": `db.password=${secret}\nport=80` } as never],
      [["data", "app.yaml"], `port: 80\npassword: ${secret}\n` as never],
      [["data", "url"], `postgres://app:${secret}@db/shop` as never],
      [["binaryData", "blob"], Buffer.from(secret).toString("base64") as never],
      [["spec", "auth"], { password: { value: secret } } as never],
      [["spec", "pin"], { password: 48151623421 } as never],
      [["spec", "auth"], { credentials: { users: [{ admin: secret }], app: secret } } as never],
      [["spec", "basicAuth"], { admin: secret } as never],
      [["spec", "secret"], { a: secret } as never],
      [["spec"], { tokens: { bob: secret }, adminPassword: { inline: { x: secret } } } as never],
      [container("args"), ["--db-pass-ro", secret] as never],
      [["spec", "passwords"], [secret, "other"] as never],
      [["spec", "credentials"], [{ user: "admin", is: secret }] as never]
    ]
    for (const [path, value] of values) {
      const text = shown(modified(workload, -1, path, { before: value, after: "other" }))
      assert.notInclude(text, secret, JSON.stringify(value))
      assert.notInclude(text, "48151623421")
      assert.notInclude(text, Buffer.from(secret).toString("base64"))
    }
  })

  it("have no secret in the manifest of an object that was created", () => {
    const manifest = {
      kind: "ConfigMap",
      metadata: { name: "settings", annotations: { "example.com/token": secret } },
      data: { DB_PASSWORD: secret, "app.yaml": `password: ${secret}\n` }
    }
    assert.notInclude(shown(created(config, -1, { manifest })), secret)
  })

  it("are those of a Secret without any value, whatever was recorded", () => {
    const path = ["data", "token"]
    const text = shown(modified(ref("Secret", "db"), -1, path, { before: secret, after: "plain" }))
    assert.notInclude(text, secret)
    assert.notInclude(text, "plain")
    assert.include(text, "data.token")
    assert.notInclude(shown(created(ref("Secret", "db"), -1, { manifest: { data: { a: secret } } })), secret)
  })

  it("keep what is no secret: images, ports, booleans, names of Secrets, and lines that differ", () => {
    const kept: ReadonlyArray<readonly [FieldPath, never, string]> = [
      [container("image"), "registry.example.com/app:1.2.3@sha256:0123456789abcdef" as never, "app:1.2.3"],
      [["spec", "ports", { by: "name", value: "http" }, "targetPort"], 9090 as never, "9090"],
      [["spec", "automountServiceAccountToken"], false as never, "false"],
      [container("envFrom"), [{ secretRef: { name: "db-credentials" } }] as never, "db-credentials"],
      [container("args"), ["--port", "9090", "--verbose"] as never, "9090"],
      [["spec", "volumes"], [{ secret: { secretName: "web-tls", defaultMode: 420 } }] as never, "web-tls"],
      [["spec", "secret", "items"], [{ key: "tls.crt", path: "cert.pem" }] as never, "cert.pem"],
      [["spec", "hard"], { "count/secrets": "17" } as never, "17"],
      [["spec", "passwordPolicy", "minLength"], 12 as never, "12"],
      [["data", "token-refresher.yaml"], "interval: 90s" as never, "90s"]
    ]
    for (const [path, after, text] of kept)
      assert.include(shown(modified(workload, -1, path, { before: "", after })), text)
  })

  it("have no secret of the redaction corpus, as a value or in one of several lines", () => {
    const lines = readFileSync(new URL("./corpus/secrets.txt", import.meta.url), "utf8")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
    const missed = lines.flatMap((template) => {
      const secrets: Array<string> = []
      let count = 0
      const filled = template
        .replaceAll("\\n", "\n")
        .replace(/\{([auhldb]):(\d+)\}/g, (_all, kind: string, length: string) => {
          const alphabet =
            kind === "h" ? "0123456789abcdef" : kind === "d" ? "0123456789" : "ABCDEFGHJKMNPQRSTUVWXYZ234567"
          const found = Array.from(
            { length: Number(length) },
            (_, index) => alphabet[((index + 3) * (index + 7) * 31 + 17 * ++count) % alphabet.length]
          ).join("")
          secrets.push(found)
          return kind === "l" ? found.toLowerCase() : found
        })
      const inFile = `# settings\nport: 80\n${filled}\n`
      const text = [filled, inFile]
        .map((after) => shown(modified(config, -1, ["data", "app.conf"], { before: "x\ny", after })))
        .join()
      return secrets.some((each) => each.length >= 8 && text.includes(each)) ? [template] : []
    })
    assert.deepStrictEqual(missed, [])
  })

  it("are bounded: the number of fields, the length of values, of paths and of names", () => {
    const long = "x".repeat(1_000_000)
    const change = {
      ...modified(config, -1, ["data", long], { before: long, after: `${long}\n${long}` }),
      by: { kind: "person" as const, name: long, user: long }
    }
    const many = { ...change, fields: Array.from({ length: 60 }, () => change.fields[0]!) }
    const view = changeView(many)
    assert.isBelow(view.fields.length, 20)
    assert.strictEqual(view.fieldsOmitted, 60 - view.fields.length)
    const short = { ...change, fields: Array.from({ length: 60 }, (_, index) => ({ path: ["data", `k${index}`] })) }
    assert.strictEqual(changeView(short).fields.length, 50)
    assert.isBelow(JSON.stringify(view).length, 200_000)
  })

  it("show the line that differs of a long text", () => {
    const text = Array.from({ length: 300 }, (_, index) => `line ${index}`)
    const view = changeView(
      modified(config, -1, ["data", "app.conf"], {
        before: text.join("\n"),
        after: text.with(200, "timeout 1s").join("\n")
      })
    )
    assert.deepStrictEqual(view.fields[0]?.diff, [
      "…",
      " line 198",
      " line 199",
      "-line 200",
      "+timeout 1s",
      " line 201",
      " line 202"
    ])
  })
})
