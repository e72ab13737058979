import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Redacted } from "effect"
import { type ApiKey, make, ofFile } from "../../../../src/investigation/models/holmesgpt/ApiKey.ts"

const old = Redacted.make("old")

const valueOf = (key: Redacted.Redacted | undefined) => (key === undefined ? undefined : Redacted.value(key))

/** A source whose reads return these, one after the other. */
const reading = (...texts: ReadonlyArray<string | undefined>) => {
  let reads = 0
  const key: ApiKey = make(
    Effect.suspend(() => {
      const text = texts[reads++]
      return text === undefined ? Effect.fail({ _tag: "Unreadable" } as const) : Effect.succeed(Redacted.make(text))
    })
  )
  return { key, reads: () => reads }
}

describe("the key of HolmesGPT", () => {
  it.effect("is read once and kept", () =>
    Effect.gen(function* () {
      const { key, reads } = reading("old", "new")
      assert.strictEqual(valueOf(yield* key.current), "old")
      assert.strictEqual(valueOf(yield* key.current), "old")
      assert.strictEqual(reads(), 1)
    })
  )

  it.effect("is replaced when its file has another one than at the last read", () =>
    Effect.gen(function* () {
      const { key } = reading("old", "old", undefined, "new", "new")
      yield* key.current
      for (const expected of [false, false, true, false]) assert.strictEqual(yield* key.isReplaced, expected)
      assert.strictEqual(valueOf(yield* key.current), "new")
      assert.isFalse(yield* make(old).isReplaced)
    })
  )

  it.effect("is read again when it was rejected, and is another one or none", () =>
    Effect.gen(function* () {
      const rotated = reading("old", "new").key
      yield* rotated.current
      assert.strictEqual(valueOf(yield* rotated.after(old)), "new")
      assert.strictEqual(valueOf(yield* rotated.current), "new")
      const same = reading("old", "old").key
      yield* same.current
      assert.isUndefined(yield* same.after(old))
    })
  )

  it.effect("is the one that was read last while it cannot be read", () =>
    Effect.gen(function* () {
      const { key } = reading("old", undefined)
      yield* key.current
      assert.isUndefined(yield* key.after(old))
      assert.strictEqual(valueOf(yield* key.current), "old")
    })
  )

  it.effect("is read again for the next call if the first read failed", () =>
    Effect.gen(function* () {
      const { key } = reading(undefined, "new")
      assert.deepStrictEqual(yield* Effect.flip(key.current), { _tag: "Unreadable" })
      assert.strictEqual(valueOf(yield* key.current), "new")
    })
  )

  it.effect("never changes when it is a setting, or absent", () =>
    Effect.gen(function* () {
      assert.strictEqual(valueOf(yield* make(old).current), "old")
      assert.isUndefined(yield* make(old).after(old))
      assert.isUndefined(yield* make(undefined).current)
    })
  )

  it.effect("in a file has no white space around it, and is unreadable where there is none", () =>
    Effect.gen(function* () {
      const read = (text: string) =>
        Effect.provide(ofFile("/key"), FileSystem.layerNoop({ readFileString: () => Effect.succeed(text) }))
      assert.strictEqual(valueOf(yield* read("  k3y\n")), "k3y")
      assert.deepStrictEqual(yield* Effect.flip(read(" \n")), { _tag: "Unreadable" })
    })
  )
})
