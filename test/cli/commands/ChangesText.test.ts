import { assert, describe, it } from "@effect/vitest"
import { changesText } from "../../../src/cli/commands/ChangesText.ts"
import { changeView, relatedView } from "../../../src/http/ChangeView.ts"
import type { ChangeList } from "../../../src/http/Responses.ts"
import { at, created, modified, own, ref } from "../../changes/scenes.ts"

const port = modified(ref("Service", "checkout"), -12, ["spec", "ports", { by: "name", value: "http" }, "targetPort"], {
  before: 8080,
  after: 9090
})
const config = modified(ref("ConfigMap", "settings"), -400, ["data", "app.conf"], {
  before: "port=80\ntimeout=30\nlevel=info",
  after: "port=80\ntimeout=1\nlevel=info"
})
const gap = {
  kinds: ["Ingress", "Service"],
  from: at(-300),
  to: at(-200),
  reason: "expired" as const,
  why: "the API server no longer had the events (410)"
}

const list = (changes: Partial<ChangeList>): ChangeList => ({
  since: at(-3600),
  until: at(0),
  watched: "throughout",
  gaps: [],
  unread: [],
  changes: [],
  ...changes
})

const text = (changes: Partial<ChangeList>, diff = false) => changesText(list(changes), { diff })

describe("kubernaut changes", () => {
  it("shows one change a line, the newest first, and a gap as a line in between", () => {
    const lines = text({ watched: "partly", gaps: [gap], changes: [changeView(port), changeView(config)] })
    assert.match(lines[0]!, /^WHEN +WHO +OBJECT +CHANGE$/)
    assert.match(
      lines[1]!,
      /^2026-11-24T02:59:48Z +kubectl-edit +Service shop\/checkout +spec\.ports\[http\]\.targetPort 8080 -> 9090$/
    )
    assert.include(lines[2]!, "NOT WATCHED: Ingress, Service, because the API server no longer had the events (410)")
    assert.include(lines[3]!, "ConfigMap shop/settings")
    assert.include(lines[4]!, "is unknown")
  })

  it("calls a list without changes quiet only if it was watched throughout", () => {
    assert.deepStrictEqual(text({}), [`Nothing changed from ${at(-3600)} to ${at(0)}: it was watched throughout.`])
    const partly = text({ watched: "partly", gaps: [gap] })
    assert.notInclude(partly.join("\n"), "Nothing changed")
    assert.include(partly.at(-1)!, "No change was seen, but not everything was watched")
    const unread = text({ unread: ["Ingress"] }).join(" ")
    assert.notInclude(unread, "Nothing changed")
    assert.include(unread, "not everything could be read")
    assert.notInclude(
      text({ unread: ["Ingress"], changes: [changeView(port)] }).join(" "),
      "there are no other changes"
    )
  })

  it("with --diff shows each field, the lines that differ of a text, and a created object", () => {
    const policy = created(ref("NetworkPolicy", "deny"), -30, { manifest: { spec: { podSelector: {} } } })
    const lines = text({ changes: [port, policy, config].map(changeView) }, true)
    for (const line of [
      "    spec.ports[http].targetPort",
      "      - 8080",
      "      + 9090",
      "      -timeout=30",
      "      +timeout=1"
    ])
      assert.include(lines, line)
    assert.include(lines.join("\n"), '"podSelector": {}')
  })

  it("tells how the target depends on an object, our own writes, and a target that does not exist", () => {
    const related = relatedView({ ...port, by: own }, "is selected by Service shop/checkout", 1)
    const lines = text({
      target: { ref: ref("Deployment", "chekout"), exists: "no" },
      changes: [related],
      unread: ["Ingress"]
    })
    assert.include(lines[0]!, "Deployment shop/chekout does not exist now")
    assert.include(lines[2]!, "Kubernaut itself (ours)")
    assert.include(lines[3]!, "the target is selected by Service shop/checkout")
    assert.include(lines.at(-1)!, "Ingress")
  })

  it("writes control characters out, in names, values, texts and the names of writers", () => {
    const evil = {
      ...modified(ref("ConfigMap", "a\u001b[2J"), -1, ["data", "k\r"], {
        before: "\u001b[31m",
        after: "x\u0007\ny\u202e"
      }),
      by: { kind: "person" as const, name: "bad\u001b]0;title\u0007" }
    }
    for (const diff of [false, true])
      assert.notMatch(text({ changes: [relatedView(evil, "uses \u001b[1m", 1)] }, diff).join(""), /[\p{Cc}\p{Cf}]/u)
  })
})
