/** Words that the project does not use, each with a replacement. */

import { lineOf, type SourceFile } from "./SourceTree.ts"

interface Ban {
  readonly word: RegExp
  readonly instead: string
  /** The files in which it is banned. */
  readonly files: RegExp
}

const code = /\.(ts|go|sh)$|^scripts\/|^\.ci\//
const typescript = /^(src|test|examples)\/.*\.ts$/
const everything = /^/

export const bans: ReadonlyArray<Ban> = [
  { word: /\b(FIXME|TODO|XXX|HACK)\b/g, instead: "finish it, or file an issue", files: code },
  {
    word: /\bnew Date\(\s*\)/g,
    instead: "Clock.currentTimeMillis, and new Date(ms)",
    files: /^(src|test)\/(?!.*\.integration\.test\.ts$).*\.ts$/
  },
  {
    word: /\bcurrentTime(Millis|Nanos)/g,
    instead: "Monotonic.nowMs: durations use the clock that nobody sets",
    // RetryPolicy passes the time to Effect's schedules, and spans have wall-clock times.
    files: /^src\/(resilience\/(?!pipeline\/(RetryPolicy|FoldedAttempts)\.ts$)|health\/|verification\/)/
  },
  { word: /["']effect\/unstable\//g, instead: "the path without unstable", files: typescript },
  { word: /["']@effect\/schema["'/]/g, instead: "Schema of effect", files: typescript },
  { word: /["']fast-check["']/g, instead: "Arbitrary of effect", files: typescript },
  {
    word: /(?<=\*\/\n)import\b/g,
    instead: "an empty line before it; otherwise the formatter moves the module comment with the import",
    files: typescript
  },
  {
    word: /\banew\b|\bcomes? to (its|their) end\b|\bcan be had\b|\bwhoever\b|\b(is|are) borne\b|\bwhat was due\b|\bthe word of\b/gi,
    instead: "plain English: again, completes, can be reproduced, name the subject, tolerated, the status from",
    files: /\.(ts|md|yaml)$/
  },
  { word: /@ts-(ignore|nocheck)/g, instead: "@ts-expect-error and the reason", files: typescript },
  {
    word: /(^|[\s"'`(=:])\/(work|root|home|Users)\/\w/gm,
    instead: "a path that exists on every machine",
    files: everything
  },
  { word: /(^|[\s"'`(/])shared\/\w/gm, instead: "a path inside the project", files: everything },
  {
    word: /registry\.npmjs\.org|registry\.yarnpkg\.com|proxy\.golang\.org|sum\.golang\.org|pypi\.org|static\.crates\.io|repo1?\.maven/g,
    instead: "the package's name; the user's settings select the registry",
    files: everything
  }
]

/** The rules quote the words that they ban. */
const exempt = /^test\/architecture\//

export const violations = (file: SourceFile): ReadonlyArray<string> =>
  exempt.test(file.path)
    ? []
    : bans
        .filter((ban) => ban.files.test(file.path))
        .flatMap((ban) =>
          [...file.text.matchAll(ban.word)].map(
            (match) => `${file.path}:${lineOf(file.text, match.index)}: not "${match[0].trim()}" but ${ban.instead}`
          )
        )
