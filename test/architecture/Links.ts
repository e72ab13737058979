/** Relative links in Markdown lead to a file or folder of the project, and to a heading if they name one. */

import { dirname, join, normalize } from "node:path"
import type { SourceFile } from "./SourceTree.ts"
import { lineOf } from "./SourceTree.ts"

/** The anchor that GitHub generates for a heading. */
const anchorOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(/\s/g, "-")

const withoutFences = (text: string): string =>
  text.replaceAll(/^```[\s\S]*?^```/gm, (block) => block.replaceAll(/[^\n]/g, " "))

const anchorsOf = (file: SourceFile): ReadonlySet<string> =>
  new Set([...withoutFences(file.text).matchAll(/^#+ (.+)$/gm)].map((match) => anchorOf(match[1] ?? "")))

export const deadLinks = (markdown: ReadonlyArray<SourceFile>, paths: ReadonlySet<string>): ReadonlyArray<string> =>
  markdown.flatMap((file) =>
    [...withoutFences(file.text).matchAll(/\]\((?!https?:|mailto:)(?<path>[^)#\s]*)(#(?<anchor>[^)\s]+))?\)/g)].flatMap(
      (match) => {
        const named = match.groups?.["path"] ?? ""
        const anchor = match.groups?.["anchor"]
        const target = named === "" ? file.path : normalize(join(dirname(file.path), named)).replace(/\/$/, "")
        const where = `${file.path}:${lineOf(file.text, match.index)}`
        if (!paths.has(target) && ![...paths].some((path) => path.startsWith(`${target}/`)))
          return [`${where}: ${target} does not exist`]
        const linked = markdown.find((candidate) => candidate.path === target)
        return anchor !== undefined && linked !== undefined && !anchorsOf(linked).has(anchor)
          ? [`${where}: ${target} has no heading #${anchor}`]
          : []
      }
    )
  )
