/** What every disk of the spool does. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import type { SpoolDisk } from "../../../src/storage/spool/SpoolDisk.ts"

/** Two processes on one folder, which is empty at first. */
export interface TwoProcesses {
  readonly one: SpoolDisk
  readonly other: SpoolDisk
  /** Ends the first process, and returns the disk as the next one has it. */
  readonly restart: Effect.Effect<SpoolDisk, never, Scope.Scope>
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()
const bytes = (content: string): Uint8Array => Buffer.from(content)

export const contract = (name: string, processes: Effect.Effect<TwoProcesses, never, Scope.Scope>) =>
  describe(`the spool on ${name}`, () => {
    const test = <E>(claim: string, body: (given: TwoProcesses) => Effect.Effect<void, E, Scope.Scope>) =>
      it.effect(claim, () => Effect.scoped(Effect.flatMap(processes, body)))

    test("gives the folder to one process at a time", ({ one, other, restart }) =>
      Effect.gen(function* () {
        yield* one.lock
        yield* one.lock
        assert.strictEqual((yield* Effect.flip(other.lock)).reason, "locked")
        yield* (yield* restart).lock
      }))

    test("makes a file with zeros, which reserve its space", ({ one }) =>
      Effect.gen(function* () {
        yield* one.lock
        yield* one.create("a", 3_000_000)
        assert.isTrue((yield* one.files).includes("a"))
        const content = yield* one.read("a")
        assert.strictEqual(content.length, 3_000_000)
        assert.isTrue(content.every((byte) => byte === 0))
        assert.strictEqual((yield* Effect.flip(one.create("a", 0))).reason, "failed")
      }))

    test("writes at any place, and reads any part", ({ one }) =>
      Effect.gen(function* () {
        yield* one.lock
        yield* one.create("a", 10)
        yield* one.write("a", 2, bytes("hello"))
        yield* one.write("a", 8, bytes("world"))
        yield* one.sync("a")
        assert.strictEqual(text(yield* one.read("a")), "\0\0hello\0world")
        assert.strictEqual(text(yield* one.read("a", 8, 3)), "wor")
        assert.strictEqual(text(yield* one.read("a", 8, 100)), "world")
      }))

    test("cuts off what is beyond a length", ({ one }) =>
      Effect.gen(function* () {
        yield* one.lock
        yield* one.create("a", 0)
        yield* one.write("a", 0, bytes("hello"))
        yield* one.cut("a", 2)
        yield* one.cut("a", 100)
        assert.strictEqual(text(yield* one.read("a")), "he")
      }))

    test("keeps what was synced for the next process", ({ one, restart }) =>
      Effect.gen(function* () {
        yield* one.lock
        yield* one.create("a", 4)
        yield* one.write("a", 0, bytes("hello"))
        yield* one.sync("a")
        const next = yield* restart
        yield* next.lock
        assert.strictEqual(text(yield* next.read("a")), "hello")
      }))

    test("renames and removes files, which are then unknown by their old name", ({ one }) =>
      Effect.gen(function* () {
        yield* one.lock
        yield* one.create("a", 0)
        yield* one.write("a", 0, bytes("hello"))
        yield* one.rename("a", "b")
        assert.strictEqual(text(yield* one.read("b")), "hello")
        assert.strictEqual((yield* Effect.flip(one.read("a"))).reason, "failed")
        yield* one.remove("b")
        assert.isFalse((yield* one.files).includes("b"))
      }))
  })
