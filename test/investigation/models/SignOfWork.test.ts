import { assert, describe, it } from "@effect/vitest"
import { SignOfWork } from "../../../src/investigation/models/SignOfWork.ts"

const signs = (isStream: boolean, ...parts: ReadonlyArray<string>) => {
  const sign = new SignOfWork(isStream)
  return parts.map((part) => sign.isIn(part))
}

describe("of a stream", () => {
  it.each([
    ["a comment", ": OPENROUTER PROCESSING\n\n"],
    ["a comment that quotes an event", ': the next is data: {"a":1}\n\n'],
    ["empty lines", "\n\r\n\r\n"],
    ["the name of an event", "event: ping\nid: 4\nretry: 3000\n\n"],
    ["data without anything", "data:\ndata: \n\n"]
  ])("%s is no sign of work, in however many parts it comes", (_what, text) => {
    assert.deepStrictEqual(signs(true, text, text), [false, false])
    assert.notInclude(signs(true, ...text), true)
  })

  it.each([
    ["an event", 'data: {"a":1}\n\n'],
    ["an event with a name", 'event: message_start\r\ndata:{"a":1}\r\n\r\n'],
    ["an event behind a comment", ': wait\n\ndata: {"a":1}\n\n'],
    ["the beginning of an event", 'data: {"a'],
    ["the end of the stream", "data: [DONE]\n\n"]
  ])("%s is one, in however many parts it comes", (_what, text) => {
    assert.deepStrictEqual(signs(true, text), [true])
    assert.include(signs(true, ...text), true)
  })

  it("every part of a long event is one, and a comment behind it is none", () => {
    assert.deepStrictEqual(signs(true, 'data: "', "x".repeat(100), "y", '"\n\n', ": wait\n\n", "data: 1\n\n"), [
      true,
      true,
      true,
      true,
      false,
      true
    ])
  })
})

it("of another body, white space is no sign of work, and anything else is one", () => {
  assert.deepStrictEqual(signs(false, "\n\n", " ", ": a comment", '{"a":'), [false, false, true, true])
})
