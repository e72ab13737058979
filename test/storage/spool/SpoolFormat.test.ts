import { assert, describe, it } from "@effect/vitest"
import type { SpoolEntry } from "../../../src/storage/spool/SpooledPost.ts"
import { entryOf, lineOf, scan } from "../../../src/storage/spool/SpoolFormat.ts"
import { ended, firing } from "./Posts.ts"

const entry = (sequence: number, text = "", spool = "one"): SpoolEntry => ({
  spool,
  sequence,
  ...firing(`f${sequence}`, sequence, text)
})

const fileOf = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => Buffer.concat(parts)

const sequences = (content: Uint8Array): ReadonlyArray<number> => scan(content).places.map(({ sequence }) => sequence)

describe("an entry of the spool", () => {
  it("reads back as it was written, whatever text is in it", () => {
    for (const text of ["", "line\nbreak", "zero\u0000byte", "Grüße 🚨", "x".repeat(100_000)]) {
      const written = entry(1, text)
      assert.deepStrictEqual(entryOf(lineOf(written)), written)
    }
    const end: SpoolEntry = { spool: "one", sequence: 2, ...ended("f", 3) }
    assert.deepStrictEqual(entryOf(lineOf(end)), end)
  })

  it("is one line", () => {
    const line = lineOf(entry(1, "line\nbreak"))
    assert.strictEqual(line.indexOf(0x0a), line.length - 1)
  })

  it("is damaged when any of its bytes is another one", () => {
    const line = lineOf(entry(1, "text"))
    for (let at = 0; at < line.length; at++) {
      const damaged = Uint8Array.from(line)
      damaged[at] = line[at]! ^ 1
      assert.isUndefined(entryOf(damaged), `byte ${at}`)
    }
  })

  it("is damaged when it is cut short anywhere", () => {
    const line = lineOf(entry(1, "text"))
    for (let length = 0; length < line.length - 1; length++) assert.isUndefined(entryOf(line.subarray(0, length)))
  })
})

describe("a spool file", () => {
  it("has its entries in order, and the next one goes behind the last", () => {
    const lines = [1, 2, 3].map((sequence) => lineOf(entry(sequence)))
    const content = fileOf(...lines)
    const found = scan(content)
    assert.deepStrictEqual(
      found.places.map(({ length, offset }) => entryOf(content.subarray(offset, offset + length))?.sequence),
      [1, 2, 3]
    )
    assert.strictEqual(found.end, content.length)
    assert.strictEqual(found.dropped, 0)
    assert.strictEqual(found.use, "one")
  })

  it("may have reserved space behind them, and may be nothing else", () => {
    const line = lineOf(entry(1))
    assert.deepInclude(scan(fileOf(line, new Uint8Array(100))), { end: line.length, dropped: 0 })
    assert.deepStrictEqual(scan(new Uint8Array(100)), { places: [], refused: [], end: 0, dropped: 0 })
    assert.deepStrictEqual(scan(new Uint8Array()), { places: [], refused: [], end: 0, dropped: 0 })
  })

  it("loses nothing but the torn entry at its end, wherever that was torn", () => {
    const whole = lineOf(entry(1))
    const torn = lineOf(entry(2))
    for (let length = 0; length < torn.length; length++) {
      const found = scan(fileOf(whole, torn.subarray(0, length), new Uint8Array(50)))
      assert.deepStrictEqual(
        found.places.map(({ sequence }) => sequence),
        [1]
      )
      assert.strictEqual(found.end, whole.length)
      assert.strictEqual(found.dropped, length)
    }
  })

  it("hides no entry behind a damaged one, and the numbers show that one is missing", () => {
    const lines = [1, 2, 3].map((sequence) => Uint8Array.from(lineOf(entry(sequence))))
    lines[1]![30] = 0xff
    assert.deepStrictEqual(sequences(fileOf(...lines)), [1, 3])
    // A line break within it makes two pieces of it.
    lines[1]![40] = 0x0a
    assert.deepStrictEqual(sequences(fileOf(...lines)), [1, 3])
    // Zeros in place of it, as a disk returns for a block that was never written.
    assert.deepStrictEqual(sequences(fileOf(lines[0]!, new Uint8Array(200), lines[2]!)), [1, 3])
  })

  it("passes over what remains from an earlier use", () => {
    const old = [1, 2, 3].map((sequence) => lineOf(entry(sequence, "old", "zero")))
    assert.deepStrictEqual(sequences(fileOf(lineOf(entry(1)), ...old)), [1])
    // What a shorter entry has left of an older one.
    assert.deepStrictEqual(sequences(fileOf(lineOf(entry(1)), old[0]!.subarray(50), ...old.slice(1))), [1])
  })

  it("has the entries of every process that found others in it, whichever of them are damaged", () => {
    const lines = [
      entry(1, "", "use"),
      entry(2, "", "use"),
      entry(1, "", "use.two"),
      entry(1, "", "use.three"),
      entry(2, "", "use.three")
    ].map((each) => Uint8Array.from(lineOf(each)))
    const all = ["use 1", "use 2", "use.two 1", "use.three 1", "use.three 2"]
    const found = (content: Uint8Array) => scan(content).places.map(({ sequence, spool }) => `${spool} ${sequence}`)
    const old = lineOf(entry(3, "", "older.two"))
    assert.deepStrictEqual(found(fileOf(...lines, old)), all)
    for (const [place, line] of lines.entries()) {
      const damaged = Uint8Array.from(line)
      damaged[30] = 0xff
      assert.deepStrictEqual(
        found(fileOf(...lines.with(place, damaged))),
        all.filter((_, each) => each !== place)
      )
    }
    // Zeros over the first ones, as an emptying that was cut short leaves them.
    assert.deepStrictEqual(found(fileOf(new Uint8Array(4096), ...lines.slice(2))), all.slice(2))
  })

  it("has no entry that was refused, but the numbers of those that others follow", () => {
    const all = [1, 2, 3].map((sequence) => lineOf(entry(sequence)))
    const refusal = (...refused: ReadonlyArray<number>) =>
      lineOf({ spool: "one", refused: refused.map((sequence) => ({ spool: "one", sequence })) })
    const found = (content: Uint8Array) =>
      scan(content).places.map(({ isRefused, sequence }) => (isRefused ? `refused ${sequence}` : `${sequence}`))
    assert.deepStrictEqual(found(fileOf(...all, refusal(1, 3))), ["refused 1", "2"])
    assert.deepStrictEqual(found(fileOf(...all, refusal(1, 2, 3))), [])
    assert.deepStrictEqual(found(fileOf(all[0]!, refusal(1), lineOf(entry(1, "", "one.two")))), ["1"])
    // It is behind them, so a crash that cuts it short leaves them as they were.
    const torn = refusal(1, 3)
    for (let length = 0; length < torn.length; length++) {
      const content = fileOf(...all, torn.subarray(0, length), new Uint8Array(50))
      assert.deepStrictEqual(found(content), ["1", "2", "3"])
      assert.strictEqual(scan(content).dropped, length)
    }
    // One that remains from an earlier use says nothing, and the next line goes before it.
    const old = lineOf({ spool: "zero", refused: [{ spool: "one", sequence: 1 }] })
    assert.deepInclude(scan(fileOf(all[0]!, old)), { end: all[0]!.length, refused: [], dropped: old.length })
    assert.strictEqual(scan(fileOf(...all, torn)).end, fileOf(...all, torn).length)
  })

  it("counts no entry twice", () => {
    const one = lineOf(entry(1))
    assert.deepStrictEqual(sequences(fileOf(one, lineOf(entry(2)), one)), [1, 2])
  })
})
