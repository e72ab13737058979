import { assert, describe, it } from "@effect/vitest"
import type { Schema } from "effect"
import type { FieldPath } from "../../../src/domain/FieldPath.ts"
import { hidden, hiddenDifference } from "../../../src/investigation/evidence/HiddenFields.ts"

type Json = Schema.Json

const secret = "tiger-lily"

/** Names that hold secrets, that are like one, and that say nothing. */
const holders = (
  "tokenRefresher secretsInjector credentialsSync tokenProxy passwordRotator secretInit secret tokens adminPassword"
  + " passwords tokenCache passwordStore x"
).split(" ")
const leaves = ["env", "config", "settings", "sidecar", "value"]
const names = ["DB_PASSWORD", "JWT", "apiKeyStripe"]
const fields = ["value", "plaintext"]

const keyed = (name: string) => ({ by: "name", value: name })

/** Each way in which a value with a secret name changes, as a path and what is there. */
const entries: ReadonlyArray<readonly [path: FieldPath, value: Json]> = [
  ...names.flatMap((name): ReadonlyArray<readonly [FieldPath, Json]> => [
    [[name], secret],
    [[{ by: "name", value: name }], { name, value: secret }],
    [[], [{ name, value: secret }]],
    [[], [{ key: name, value: secret }]],
    ...fields.flatMap((field): ReadonlyArray<readonly [FieldPath, Json]> => [
      [[keyed(name), field], secret],
      [[keyed(name), field, "text"], secret],
      [[], [{ name, [field]: secret }]]
    ])
  ]),
  [["args"], ["--password", secret]],
  [["x"], [{ name: "JWT", value: { content: secret } }]],
  [["command"], ["mysql", "-uroot", "-p", secret]],
  [["app.conf"], `db.password=${secret}`]
]

const shown = (path: FieldPath, value: Json): string =>
  JSON.stringify(hiddenDifference("Widget", { path: ["spec", ...path], after: value }).after)

/** The value with names above it, each a field of the next. */
const within = (above: ReadonlyArray<string>, path: FieldPath, value: Json): Json =>
  [...above, ...path].reduceRight<Json>(
    (inner, token) =>
      typeof token === "string" ? { [token]: inner } : [{ [token.by]: token.value, ...asItem(inner) }],
    value
  )

const asItem = (inner: Json): object => (typeof inner === "object" && inner !== null ? inner : { value: inner })

describe("what is hidden by its own name", () => {
  const rows = holders.flatMap((holder) =>
    leaves.flatMap((leaf) => entries.map(([path, value]) => [holder, leaf, path, value] as const))
  )

  it("stays hidden beneath any name, whichever part of it changes", () => {
    const missed = rows.flatMap(([holder, leaf, path, value]) => {
      const texts = [
        shown([leaf, ...path], value),
        shown([holder, leaf, ...path], value),
        shown([holder, "x", leaf, ...path], value),
        shown([], within([holder, leaf], path, value)),
        JSON.stringify(hidden("", within(["spec", holder, leaf], path, value)))
      ]
      return texts.flatMap((text, index) =>
        text.includes(secret) ? [`${index} ${holder}.${leaf} ${JSON.stringify([path, value])}`] : []
      )
    })
    assert.deepStrictEqual(missed, [])
  })
})
