/**
 * Patterns of secrets that the text around them, or their own shape, gives away. Each match is replaced by its text
 * outside the secret and a mark.
 *
 * Every pattern takes linear time. A look-behind keeps it from restarting inside a run that it has already tried, and
 * gaps are bounded.
 */

import { namePrefix, secretWord } from "./SecretNames.ts"

type Shape = readonly [pattern: RegExp, replacement: string]

/** The text that replaces a secret. */
export const mark = (kind: string): string => `[redacted:${kind}]`

const notYetRedacted = String.raw`(?!\[redacted:)`

/** Shapes that are secret in any context. Vendors' exact formats are `ScannerRules`; these also match cut ones. */
const tokens: ReadonlyArray<Shape> = [
  // A key that a line limit truncated has no END.
  [
    /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)/g,
    mark("private-key")
  ],
  // The same in base64: `-----BEGIN PRIVATE`, and of RSA, EC, DSA, OPENSSH and ENCRYPTED keys.
  [
    /(?<![A-Za-z0-9+/])LS0tLS1CRUdJTiB(?:QUklWQVRF|SU0Eg|FQyBQ|EU0Eg|PUEVOU1NI|FTkNSWVBU)[A-Za-z0-9+/=]*/g,
    mark("private-key")
  ],
  [/(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?/g, mark("jwt")],
  // `{"auths":` in base64, with and without white space: the configuration of a Docker client.
  [
    /(?<![A-Za-z0-9+/])(?:eyJhdXRocyI6|eyAiYXV0aHMi|ewogICJhdXRocyI|ewoJImF1dGhzIj)[A-Za-z0-9+/=]*/g,
    mark("docker-config")
  ],
  [/\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[0-9A-Z]{12,}/g, mark("aws-key")],
  [
    /\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|gl[a-z]{2,6}-[A-Za-z0-9_-]{16,})/g,
    mark("forge-token")
  ],
  [/\b(?:sk|pk|rk)[-_](?:(?:live|test|prod|proj|ant|or)[-_])?[A-Za-z0-9_-]{16,}/g, mark("api-key")],
  [/\bwhsec_[A-Za-z0-9+/=]{16,}/g, mark("webhook-secret")],
  [/\bxox[abceoprs]-[A-Za-z0-9-]{10,}|\bxapp-[A-Za-z0-9-]{10,}/g, mark("slack-token")],
  [/\bAIza[0-9A-Za-z_-]{30,}|\bya29\.[0-9A-Za-z_-]{20,}|\bGOCSPX-[0-9A-Za-z_-]{20,}/g, mark("google-key")],
  [/\bhv[sbr]\.[A-Za-z0-9_-]{16,}|(?<![A-Za-z0-9_.-])s\.[A-Za-z0-9]{24}(?![A-Za-z0-9])/g, mark("vault-token")],
  [/\bnpm_[A-Za-z0-9]{20,}|\bpypi-[A-Za-z0-9_-]{20,}|\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{16,}/g, mark("registry-token")],
  [/\bSG\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/g, mark("sendgrid-token")],
  [
    /\b(?:hf|gsk|csk|r8|sbp|fw|nvapi|tvly|lsv2|xai|pplx|tskey|glsa|glc|dop_v1|doo_v1|shp(?:at|ca|pa|ss)|NRAK|PMAK|CFPAT|ATATT3|ATBB|ATCTT3|EAACEdEose0cBA|figd|rnd|nfp|pul|lin_api|sntry[su]|dp\.pt|dapi)[-_.]?[A-Za-z0-9_=-]{20,}/g,
    mark("api-key")
  ],
  [/\bAGE-SECRET-KEY-1[A-Z0-9]{20,}/g, mark("age-key")],
  [/\bsha256~[A-Za-z0-9_-]{30,}/g, mark("openshift-token")],
  // crypt(3), bcrypt and Argon2 hashes: a weak password is guessed from them.
  [/\$(?:2[abxy]|[156]|y|argon2(?:id|i|d))\$[./A-Za-z0-9$=,+-]{20,}/g, mark("password-hash")],
  // The secret of a webhook is in its path.
  [/(https:\/\/hooks\.slack(?:-gov)?\.com\/(?:services|workflows|triggers)\/)[A-Za-z0-9/_-]+/g, `$1${mark("webhook")}`],
  [/(https:\/\/(?:ptb\.|canary\.)?discord(?:app)?\.com\/api\/webhooks\/)[A-Za-z0-9/_-]+/g, `$1${mark("webhook")}`],
  [
    /(https:\/\/[A-Za-z0-9.-]{1,100}\.(?:webhook\.office|logic\.azure|powerplatform)\.com[:0-9]{0,6}\/)[^\s"'`<>]+/g,
    `$1${mark("webhook")}`
  ],
  [/(https:\/\/events\.(?:eu\.)?pagerduty\.com\/integration\/)[A-Za-z0-9]+/g, `$1${mark("webhook")}`],
  [/(https:\/\/api\.telegram\.org\/(?:file\/)?bot)[A-Za-z0-9:_-]+/g, `$1${mark("webhook")}`]
]

const url = String.raw`(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{0,30}:\/\/`

/** Credentials in a URL. A password may contain `/`, `@`, `?` and `#`; a port followed by a path is not one. */
const addresses: ReadonlyArray<Shape> = [
  [
    new RegExp(
      `${url}[^\\s:/?#@"'\`[]{0,100}):${notYetRedacted}(?!\\d{1,5}(?:[/?#\\s"'\`]|$))[^\\s"'\`<>]{1,500}(?=@)`,
      "gi"
    ),
    `$1:${mark("password")}`
  ],
  // A token in place of the user name, as forges accept it.
  [
    new RegExp(`${url})${notYetRedacted}(?=[^\\s:/?#@"'\`]{0,200}\\d)[A-Za-z0-9_-]{20,200}(?=@)`, "gi"),
    `$1${mark("token")}`
  ]
]

const quoted = String.raw`\\?"(?:[^"\\]|\\.)*\\?"?|'(?:[^'\\]|\\.|'')*'?|\`[^\`]*\`?`
const blockScalar = String.raw`[|>][-+0-9]{0,2}[ \t]*\n(?:[ \t]+[^\n]*(?:\n|$))+`
// A separator ends the value where a space or another name follows. Otherwise it is part of the value.
const bare = String.raw`(?:[^\s,;&"'\`}\])]|[,;)"'](?=[A-Za-z0-9!#$%^*+/~@])(?![\w.-]{1,60}\\?["']?\s{0,4}[=:]))+`

const shells = String.raw`[^\n|]{0,300}?[ \t]`

/** Secrets after a scheme, a flag of a known command, or a keyword. */
const contexts: ReadonlyArray<Shape> = [
  [
    new RegExp(
      `(\\b(?:proxy-)?authorization\\\\?["'\`]?\\s{0,10}[:=]\\s{0,10}\\\\?["'\`]?)${notYetRedacted}(?:[A-Za-z][A-Za-z0-9_-]{0,40}[ \\t]+)?(?!\\[redacted:)[^\\s"'\`,;\\\\]+`,
      "gi"
    ),
    `$1${mark("credentials")}`
  ],
  [/\b(Bearer|Basic|Digest|Negotiate)[ \t]+(?!\[redacted:)[A-Za-z0-9+/._~=-]{6,}/gi, `$1 ${mark("credentials")}`],
  [
    new RegExp(
      `(\\b(?:mysql(?:dump|admin|import|sh|show)?|mariadb(?:-[a-z]+)?|mongo(?:sh|dump|restore|export|import|stat)?|sshpass|(?:docker|podman|nerdctl|buildah|skopeo|oras|crane auth|helm registry)[ \\t]login|ldap(?:search|add|modify|passwd)|redis-cli|sqlcmd|cqlsh|rabbitmqadmin|az[ \\t]login|bcp|smbclient)\\b${shells}-[pPaw][ =]?)${notYetRedacted}(?:${quoted}|[^\\s"'\`]+)`,
      "g"
    ),
    `$1${mark("password")}`
  ],
  [
    new RegExp(
      `(\\b(?:curl|wget|https?)\\b${shells}(?:-u|-U|--user|--proxy-user)[ =]{0,2}["']?[^\\s:"'\\[]{0,100}:)${notYetRedacted}[^\\s"']+`,
      "g"
    ),
    `$1${mark("password")}`
  ],
  // .netrc, redis.conf and SQL.
  [/(\blogin[ \t\n]+\S{1,100}[ \t\n]+password[ \t\n]+)(?!\[redacted:)\S+/g, `$1${mark("password")}`],
  [/(\b(?:requirepass|masterauth|AUTH)[ \t]+)(?!\[redacted:)["']?[^\s"']{6,}/g, `$1${mark("password")}`],
  [
    /(\b(?:identified[ \t]+by|password|passphrase)[ \t]+(?:(?:is|was|to|by)[ \t]+)?)(?!\[redacted:)(?:"[^"\n]+"|'[^'\n]+'|`[^`\n]+`)/gi,
    `$1${mark("password")}`
  ],
  [
    new RegExp(`(<${namePrefix}${secretWord}(?:\\s[^<>]{0,200})?>)${notYetRedacted}[^<]{1,2000}(?=<)`, "gi"),
    `$1${mark("value")}`
  ]
]

/** The data of a Kubernetes Secret, in YAML and in JSON, whatever the names of its keys. */
const kubernetesSecrets = (text: string): string => {
  if (!/\bkind\\?["']?:\s*\\?["']?Secret\b/.test(text)) return text
  return text
    .replace(
      /^([ \t]*)((?:data|stringData):[ \t]*\n)((?:\1[ \t]+[^\n]*(?:\n|$))+)/gm,
      (_match, indent: string, name: string, entries: string) =>
        indent
        + name
        + entries.replace(
          /^([ \t]+[\w.-]+:[ \t]*)(?!\s|\[redacted:)[^\n]+(?:\n(?![ \t]*[\w.-]+:)[ \t]+[^\n]+)*/gm,
          `$1${mark("value")}`
        )
    )
    .replace(
      /(\\?"(?:data|stringData)\\?":\s*\{)([^{}]*)(?=\})/g,
      (_match, name: string, entries: string) =>
        name + entries.replace(/(:\s*)\\?"(?!\[redacted:)(?:[^"\\]|\\[^"])*\\?"/g, `$1"${mark("value")}"`)
    )
}

// The value may be on the next line, unless that line is another entry of the same document.
const separator = String.raw`\s{0,20}(?:=>?|:)[ \t]*(?:\r?\n\s{0,100}(?!-[ \t]|[\w.-]{1,100}:(?:\s|$)))?`

// name = value, name: value, "name": "value", --name value.
const assignment = new RegExp(
  `((?:--?)?["'\`]?(?<![A-Za-z0-9])${namePrefix}${secretWord}\\\\?["'\`]?)(${separator}|(?<=--[A-Za-z0-9_.-]{1,120})[ \\t]+)`
    + `${notYetRedacted}(?:${quoted}|${blockScalar}|(?:Bearer|Basic)[ \\t]+[^\\s,;]+|${bare})`,
  "gi"
)

// Environment entries as Kubernetes prints them: - name: DB_PASSWORD\n  value: hunter2, or
// {"name":"DB_PASSWORD","value":"hunter2"}.
const environmentEntry = new RegExp(
  `(\\\\?["']?name\\\\?["']?\\s*:\\s*\\\\?["']?${namePrefix}${secretWord}\\\\?["']?\\s*,?\\s*\\\\?["']?value\\\\?["']?\\s*:\\s*)`
    + `${notYetRedacted}(?:${quoted}|[^\\s,}\\]]+)`,
  "gi"
)

const replaceAll = (text: string, shapes: ReadonlyArray<Shape>): string =>
  shapes.reduce((clean, [pattern, replacement]) => clean.replace(pattern, replacement), text)

/** Replaces secrets by their own shape. */
export const replaceShapes = (text: string): string => replaceAll(kubernetesSecrets(text), [...tokens, ...addresses])

/** Replaces secrets by the name, command or scheme before them. */
export const replaceNamed = (text: string): string =>
  replaceAll(text, contexts)
    .replace(environmentEntry, `$1${mark("value")}`)
    .replace(assignment, `$1$2${mark("value")}`)
