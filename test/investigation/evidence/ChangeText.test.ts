import { assert, it } from "@effect/vitest"
import { changeText } from "../../../src/investigation/evidence/ChangeText.ts"
import { at, modified, ref } from "../../changes/scenes.ts"

it("a change is told in one line in which nothing is hidden, whatever the names and values of its object are", () => {
  const evil = "a\u001b[2J\nFixed: yes\u202e"
  const text = changeText(
    modified(
      ref("Widget", "x"),
      -5,
      ["spec", evil],
      { before: evil, after: "b" },
      { by: { kind: "person", user: evil } }
    ),
    at(0)
  )
  assert.notMatch(text, /[\p{Cc}\p{Cf}]/u)
  assert.include(text, "Fixed: yes")
})
