import { assert, describe, it } from "@effect/vitest"
import { FindingCollector, limits } from "../../src/investigation/PartialFindings.ts"

const tool = (text: string, about = "kubectl logs") => ({ source: "tool", about, text }) as const

describe("partial findings", () => {
  it("are absent where nothing was found", () => {
    const collector = new FindingCollector("holmesgpt")
    collector.add(tool("  "))
    assert.isUndefined(collector.found)
  })

  it("have no secret, neither in the text nor in what they are about", () => {
    const collector = new FindingCollector("holmesgpt")
    collector.add(tool("DB_PASSWORD=hunter2-hunter2 is wrong", "curl --token tok-4f0c88d1aa3e"))
    const found = JSON.stringify(collector.found)
    assert.notInclude(found, "hunter2")
    assert.notInclude(found, "tok-4f0c88d1aa3e")
    assert.include(found, "is wrong")
  })

  it("have no half of a secret that is cut off: a private key before it takes less room when it is hidden", () => {
    const lines = `${"A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8S9t0U1v2W3x4Y5z6A7b8C9d0E1f2\n".repeat(121)}`
    const key = `-----BEGIN RSA PRIVATE KEY-----\n${lines}-----END RSA PRIVATE KEY-----`
    const token = "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    for (let end = 7960; end < 8000; end++) {
      const collector = new FindingCollector("holmesgpt")
      collector.add(tool(`${key.padEnd(end)}${token}`))
      assert.notInclude(JSON.stringify(collector.found), "ghp_", String(end))
    }
  })

  it("are the newest ones, shortened, each once", () => {
    const collector = new FindingCollector("holmesgpt")
    for (let index = 0; index < 3 * limits.findings; index++) {
      collector.add(tool(`${index} ${"x".repeat(100_000)}`))
      collector.add(tool(`${index} ${"x".repeat(100_000)}`))
    }
    const { findings = [] } = collector.found ?? {}
    assert.lengthOf(findings, limits.findings)
    assert.isTrue(findings.every(({ text }) => text.length === limits.textCharacters))
    assert.isTrue(findings.at(-1)!.text.startsWith(`${3 * limits.findings - 1} `))
  })
})
