import { assert, describe, it } from "@effect/vitest"
import { deadLinks } from "./Links.ts"
import { allPaths, files } from "./SourceTree.ts"

const paths = new Set(["README.md", "docs/USE.md", "src/domain/Alert.ts"])
const links = (text: string, path = "README.md") => deadLinks([{ path, text }], paths)

describe("links of Markdown files", () => {
  it("lead to a file, a folder or a heading", () => {
    assert.deepStrictEqual(deadLinks(files(/\.md$/), allPaths()), [])
  })

  it("are resolved from the file that contains them", () => {
    assert.deepStrictEqual(links("[a](docs/USE.md) [b](./src/domain) [c](https://example.com/x.md)"), [])
    assert.deepStrictEqual(links("[a](../README.md)", "docs/USE.md"), [])
    assert.deepStrictEqual(links("\n[a](USE.md)"), ["README.md:2: USE.md does not exist"])
  })

  it("to a heading are refused without that heading", () => {
    assert.deepStrictEqual(links("# How it works, in short\n[a](#how-it-works-in-short)"), [])
    assert.deepStrictEqual(links("# Use\n[a](#usage)"), ["README.md:2: README.md has no heading #usage"])
  })

  it("are ignored in code", () => {
    assert.deepStrictEqual(links("```\n[a](nowhere.md)\n```"), [])
  })
})
