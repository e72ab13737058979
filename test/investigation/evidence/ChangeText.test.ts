import { assert, it } from "@effect/vitest"
import { changeText, findingText } from "../../../src/investigation/evidence/ChangeText.ts"
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

it("two suspects are not told as all changes that are ranked", () => {
  const suspect = (score: number) => ({
    change: modified(ref("Service", `s${score}`), -5, ["spec", "type"]),
    score,
    distance: 1,
    relation: "is selected by Service shop/s",
    reasons: []
  })
  const ranked = [0.9, 0.85, 0.06, 0.05].map(suspect)
  const told = findingText({ finding: "several", ranked, symptomAt: at(0), since: at(-3600), gaps: [], unread: [] })
  assert.notInclude(told.join(" "), "4 changes")
  assert.include(told.join(" "), "Two or more of the changes")
})
