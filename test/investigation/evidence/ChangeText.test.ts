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

it("of many gaps, those that are open are told, and then the latest", () => {
  const gap = (kind: string, from: number, to: number | null) =>
    ({ kind, from: at(from), to: to === null ? null : at(to), reason: "expired" }) as const
  const old = Array.from({ length: 8 }, (_, index) => gap(`Old${index}`, -3600, -3000))
  const gaps = [...old, gap("Late", -60, -30), gap("Open", -20, null)]
  const [, told] = findingText({ finding: "unknown", ranked: [], symptomAt: at(0), since: at(-7200), gaps, unread: [] })
  assert.match(told ?? "", /^These were not watched: Open from .* to now, Late from .*, Old.* and 4 more\.$/)
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
