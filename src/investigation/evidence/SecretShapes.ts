/**
 * Patterns of secrets that the text around them, or their own shape, gives away. Each match is replaced by its text
 * outside the secret and a mark.
 *
 * Every pattern takes linear time. A look-behind keeps it from restarting inside a run that it has already tried, and
 * gaps are bounded.
 */

import { anyCase } from "../../domain/AnyCase.ts"
import { doubtfulWord, isShownSetting, namePrefix, ownedWord, secretWord } from "../../domain/SecretNames.ts"
import { configurationSecrets } from "./ConfigurationSecrets.ts"
import { replaceHeadlessKeys } from "./HeadlessKeys.ts"
import { keyWords, markOf } from "./KeyLines.ts"
import { replaceNested } from "./NestedSecrets.ts"
import { prosePasswords } from "./ProsePasswords.ts"

type Shape = readonly [pattern: RegExp, replacement: string]

/** The text that replaces a secret. */
export const mark = (kind: string): string => `[redacted:${kind}]`

const notYetRedacted = String.raw`(?!\[redacted:)`

/** A key that a line limit truncated has no END. One without BEGIN: `HeadlessKeys`. */
const privateKey =
  /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)/g

/** The same in a URL or a form. One without END ends with its value: the line of the log goes on behind it. */
const privateKeyInUrl = new RegExp(
  `${markOf("BEGIN")}${keyWords}-----[^\\s"'\`<>&]*?(?:${markOf("END")}${keyWords}-----|(?=[\\s"'\`<>&]|$))`,
  "g"
)

/** Shapes that are secret in any context. Vendors' exact formats are `ScannerRules`; these also match cut ones. */
const tokens: ReadonlyArray<Shape> = [
  // A private key in base64: `-----BEGIN PRIVATE`, and of RSA, EC, DSA, OPENSSH and ENCRYPTED keys.
  [
    /(?<![A-Za-z0-9+/])LS0tLS1CRUdJTiB(?:QUklWQVRF|SU0Eg|FQyBQ|EU0Eg|PUEVOU1NI|FTkNSWVBU)[A-Za-z0-9+/=]*/g,
    mark("private-key")
  ],
  [/(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?/g, mark("jwt")],
  // An encrypted token has an empty part, or five of them.
  [/(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_.-]+/g, mark("jwt")],
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
  [/\bdp\.(?:st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{30,}/g, mark("api-key")],
  [/\bK10[0-9a-f]{64}::[A-Za-z0-9_.-]{1,60}:[A-Za-z0-9._-]+/g, mark("k3s-token")],
  [/(?<!\d)\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])/g, mark("bot-token")],
  [/\b(AC[0-9a-f]{32}:)[0-9a-f]{32}\b/g, `$1${mark("api-key")}`],
  [/\bkey-[0-9a-f]{32}\b|\b[0-9a-f]{32}-us\d{1,2}\b/g, mark("api-key")],
  [/\bAKID[A-Za-z0-9]{28,36}\b/g, mark("api-key")],
  [/\bAGE-SECRET-KEY-1[A-Z0-9]{20,}/g, mark("age-key")],
  [/\bsha256~[A-Za-z0-9_-]{30,}/g, mark("openshift-token")],
  [/\bSCRAM-SHA-(?:1|256)\$\d{1,7}:[A-Za-z0-9+/=]{8,}\$[A-Za-z0-9+/=:]{20,}/g, mark("password-hash")],
  [/\{S?(?:SHA|MD5|SHA\d{3})\}[A-Za-z0-9+/=]{16,}/g, mark("password-hash")],
  // crypt(3), bcrypt and Argon2 hashes: a weak password is guessed from them.
  [/\$(?:2[abxy]|[156]|y|argon2(?:id|i|d))\$[./A-Za-z0-9$=,+-]{20,}/g, mark("password-hash")],
  // The secret of a webhook is in its path. Whatever the service, it is long and has digits, or is a UUID.
  [
    /(https?:\/\/[^\s"'`<>/]{1,200}(?:\/[\w.-]{1,60}){0,4}?\/(?:web)?hooks?[a-z0-9]?\/)(?=[^\s"'`<>]{0,200}?(?:(?<![A-Za-z0-9-])(?=[A-Za-z]{0,40}\d)[A-Za-z0-9]{16,}|[0-9a-f]{8}-[0-9a-f]{4}-))[^\s"'`<>]+/g,
    `$1${mark("webhook")}`
  ],
  [
    /(https:\/\/maker\.ifttt\.com\/trigger\/[\w-]{1,100}\/(?:json\/)?with\/key\/)[A-Za-z0-9_-]+/g,
    `$1${mark("webhook")}`
  ],
  [/([?&]key=)[A-Za-z0-9_-]{20,}/g, `$1${mark("api-key")}`],
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
  // A token as the user name, with a word in place of the password.
  [anyCase(`${url})${notYetRedacted}[A-Za-z0-9_-]{20,200}(?=:(?:x-oauth-basic)?@)`, "g"), `$1${mark("token")}`],
  [
    anyCase(
      `${url}[^\\s:/?#@"'\`[]{0,100}):${notYetRedacted}(?!\\d{1,5}(?:[/?#\\s"'\`]|$))[^\\s"'\`<>]{1,500}(?=@)`,
      "g"
    ),
    `$1:${mark("password")}`
  ],
  [
    anyCase(`(\\bjdbc:oracle:[a-z]{1,10}:[^\\s/@:]{1,100}\\/)${notYetRedacted}[^\\s@]{1,200}(?=@)`, "g"),
    `$1${mark("password")}`
  ],
  // The data source of Go's MySQL driver, and of Oracle: neither has a scheme.
  [
    /((?<![\w.%[-])[\w.%-]{1,100}:)(?!\[redacted:)[^\s"'`[]{1,200}?(?=@(?:(?:tcp|udp|unix|cloudsql|mysql)[a-z0-9+-]{0,20}\(|\/[\w-]))/gi,
    `$1${mark("password")}`
  ],
  [
    /((?<![\w.%/-])[\w.%-]{1,100}\/)(?!\[redacted:)[^\s"'`/[]{1,200}?(?=@(?:\/\/)?(?!sha\d{1,3}:)[\w.-]{1,200}:15\d\d\b)/gi,
    `$1${mark("password")}`
  ],
  // A token in place of the user name, as forges accept it.
  [
    anyCase(`${url})${notYetRedacted}(?=[^\\s:/?#@"'\`]{0,200}\\d)[A-Za-z0-9_-]{20,200}(?=@)`, "g"),
    `$1${mark("token")}`
  ]
]

const quoted = String.raw`'''[\s\S]{0,4000}?(?:'''|$)|"""[\s\S]{0,4000}?(?:"""|$)|\\?"(?:[^"\\]|\\.)*\\?"?|'(?:[^'\\]|\\.|'')*'?|\`[^\`]*\`?`
const blockScalar = String.raw`[|>][-+0-9]{0,2}[ \t]*\n(?:[ \t]+[^\n]*(?:\n|$))+`
// A separator ends the value where a space or another name follows. Otherwise it is part of the value.
const bare = String.raw`(?:[^\s,;&"'\`}\])]|[,;)"'](?=[A-Za-z0-9!#$%^*+/~@])(?![\w.-]{1,60}\\?["']?\s{0,4}[=:]))+`

// A value that says that there is none, or where it is: what Kubernetes, templates and other redactors print.
const placeholder = String.raw`(?:"(?:\*+|)"(?!")|'(?:\*+|)'(?!')|\*{3,}|\[\]|(?:true|false|null|nil|none|yes|no)(?![^\s,;)}\]"'])|\$\{[\w.:-]{1,100}\}|\$\([\w.-]{1,100}\)|\{\{[^{}\n]{1,200}\}\}|<set to the key [^<>\n]{1,300}>|[<[](?:redacted|masked|hidden|omitted|nil|none|unset|not set|empty)[\]>])(?=[\s,;)}\]"']|$)`

const shells = String.raw`[^\n|]{0,300}?[ \t]`

/** Secrets after a scheme, a flag of a known command, or a keyword. */
const contexts: ReadonlyArray<Shape> = [
  // A scheme with named parameters, any of which may be the secret.
  [
    /(\b(?:Digest|OAuth|Hawk|MAC)[ \t]+)(?!\[redacted:)(?:[A-Za-z_-]{1,40}=\\{0,3}"[^"\n]{0,500}",?[ \t]{0,4})+/g,
    `$1${mark("credentials")}`
  ],
  [
    anyCase(
      `(\\b(?:proxy-)?authorization\\\\?["'\`]?\\s{0,10}[:=：]\\s{0,10}\\\\?["'\`]?)${notYetRedacted}(?:[A-Za-z][A-Za-z0-9_-]{0,40}[ \\t]+)?(?!\\[redacted:)[^\\s"'\`,;\\\\]+`,
      "g"
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
  // The secret is an argument of its own.
  [
    /(\bvault[ \t]+(?:login|unwrap|operator[ \t]+unseal|token[ \t]+(?:revoke|lookup|renew))(?:[ \t]+-\S{1,60}){0,5}[ \t]+)(?![-[])(?![^\s=]{1,40}=)[^\s"']{8,}/g,
    `$1${mark("token")}`
  ],
  [/(--from-literal[= \t]["']?[\w.-]{1,200}=)(?!\[redacted:)[^\s"']+/g, `$1${mark("value")}`],
  [/(\bssh-keygen\b[^\n|]{0,300}?[ \t]-[NP][ \t]*)(?!\[redacted:)[^\s"']{4,}/g, `$1${mark("password")}`],
  [/(\bopenssl\b[^\n|]{0,300}?[ \t]-k[ \t]+)(?!\[redacted:)[^\s"']+/g, `$1${mark("password")}`],
  // A name and its value, without a separator: only what looks like a secret. Passwords: `ProsePasswords`.
  [
    /((?<![A-Za-z0-9])[A-Za-z0-9_.-]{0,60}?(?:token|(?:secret|access|api)[_-]key)(?:[ \t]+(?:is|was))?:?[ \t]+)(?=[A-Za-z+/_]{0,60}\d)[A-Za-z0-9+/_]{20,}={0,2}(?![\w.:-])/gi,
    `$1${mark("token")}`
  ],
  // A name that may mean something else: only a value of letters and digits is a secret, or some digits behind _PIN_.
  [
    anyCase(
      `((?<![A-Za-z0-9])${namePrefix}(?:${doubtfulWord}|tokens)\\\\{0,7}["'\`]?(?:[ \\t]{0,20}(?:=|:=?)[ \\t]{0,20}|(?<=--[A-Za-z0-9_.-]{1,120})[ \\t]+)\\\\{0,7}["'\`]?)${notYetRedacted}`
        + `(?:(?=[A-Za-z+/_!@#$%^*=-]{0,80}\\d)(?=[\\d+/_!@#$%^*=-]{0,80}[A-Za-z])[A-Za-z0-9+/_!@#$%^*=-]{8,}(?![\\w.:-])|(?<=pin(?:[_-]?code)?[^\\w]{1,40})\\d{4,12}(?![\\w.:-]))`,
      "g"
    ),
    `$1${mark("value")}`
  ],
  [
    /(\b(?:mnemonic|(?:seed|recovery)[ _-]?(?:phrase|words))\\{0,7}["'`]?[ \t]{0,20}[:=][ \t]{0,20}\\{0,7}["'`]?)(?:[a-z]{3,8}[ ,]{1,2}){11,23}[a-z]{3,8}\b/gi,
    `$1${mark("phrase")}`
  ],
  // Whose password it is, in a name that can be nothing but that of a field or a variable.
  [
    anyCase(
      `((?<![A-Za-z0-9])${namePrefix}${ownedWord}(?:\\\\{0,7}["']?=|\\\\{0,7}["'][ \\t]{0,4}:[ \\t]{0,4})(?!\\d{1,5}(?![\\w.-])))${notYetRedacted}(?!${placeholder}|[ \\t\\r\\n])(?:${quoted}|${bare})`,
      "g"
    ),
    `$1${mark("value")}`
  ],
  // YAML with the value one level deeper.
  [
    anyCase(
      `((?<![A-Za-z0-9])${namePrefix}${secretWord}["']?[ \\t]{0,4}:[ \\t]{0,20}(?:\\r?\\n|\\\\{1,3}n)[ \\t]{1,60}["']?(?:value|plain(?:text)?|text|content|raw|inline)["']?[ \\t]{0,4}:[ \\t]{1,20})${notYetRedacted}(?:${quoted}|[^\\s,}\\]\\\\]+)`,
      "g"
    ),
    `$1${mark("value")}`
  ],
  // Attributes of XML, in either order.
  [
    anyCase(
      `(\\b(?:name|key|id)=["']${namePrefix}${secretWord}["'][^<>]{0,200}?\\bvalue=["'])${notYetRedacted}[^"'<>]{1,2000}`,
      "g"
    ),
    `$1${mark("value")}`
  ],
  [
    anyCase(`(<${namePrefix}${secretWord}[ \\t][^<>]{0,200}?\\bvalue=["'])${notYetRedacted}[^"'<>]{1,2000}`, "g"),
    `$1${mark("value")}`
  ],
  // The ACL of Redis and Valkey: passwords and their hashes, given and taken away.
  [
    /(\b(?:user|SETUSER)[ \t]+[^\s"']{1,100}(?:[ \t]+(?!\[redacted:)[^\s"']{1,200}){0,30}?[ \t]+[><#!])(?!\[redacted:)[^\s"']{4,}/gi,
    `$1${mark("password")}`
  ],
  // The user list of PgBouncer: nothing but two quoted words in a line.
  [/^((?:[ \t]|[-+])*"[^"\n]{1,100}"[ \t]+")(?!\[redacted:)[^"\n]{4,500}(?="[ \t]*$)/gm, `$1${mark("password")}`],
  // .netrc, redis.conf and SQL.
  [/(\blogin[ \t\n]+\S{1,100}[ \t\n]+password[ \t\n]+)(?!\[redacted:)\S+/g, `$1${mark("password")}`],
  [
    /(\b(?:requirepass|masterauth|AUTH(?:[ \t]+[A-Za-z][\w-]{0,60}(?=[ \t]+["']?[^\s"']{6}))?)[ \t]+)(?!(?:[A-Za-z][\w-]{0,60}[ \t]+)?\[redacted:)["']?[^\s"']{6,}/g,
    `$1${mark("password")}`
  ],
  [
    /(\b(?:identified[ \t]+by|password|passphrase)[ \t]+(?:(?:is|was|to|by)[ \t]+)?)(?!\[redacted:)(?:"[^"\n]+"|'[^'\n]+'|`[^`\n]+`)/gi,
    `$1${mark("password")}`
  ],
  [
    anyCase(`(<${namePrefix}${secretWord}(?:\\s[^<>]{0,200})?>)${notYetRedacted}[^<]{1,2000}(?=<)`, "g"),
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
const separator = String.raw`(?:\s{0,20}(?:={1,3}>?|:[:=]?|[：＝]|->|→)[ \t]*(?:\r?\n\s{0,100}(?!-[ \t]|[\w.-]{1,100}:(?:\s|$)))?|%3[AaDd]|\\{1,2}u003[AaDd])`

// JSON in JSON in JSON escapes its quotes again and again.
const escapes = String.raw`\\{0,7}`

// Of a file in which a secret is mounted, and of an error that names a secret.
const message = String.raw`(?:no such file or directory|permission denied|is a directory|read-only file system|not found)\b`

// name = value, name: value, "name": "value", name[0] = value, ["name"] = value, --name value.
const assignment = anyCase(
  `((?:--?)?["'\`]?(?<![A-Za-z0-9])${namePrefix}${secretWord}${escapes}["'\`]?(?:\\[\\d{0,3})?\\]?)(${separator}|(?<=--[A-Za-z0-9_.-]{1,120})[ \\t]+)`
    + `(?![=:>]{0,3}[ \\t]*\\[redacted:)(?!${placeholder}|${message})(?:\\\\{2,7}"[^"\\\\]*\\\\{0,7}"?|${quoted}|${blockScalar}|(?:Bearer|Basic)[ \\t]+[^\\s,;]+|${bare})`,
  "g"
)

// Several secrets: passwords: ["…", "…"], or one a line after `- `. The entries of `imagePullSecrets` are no secrets.
const listed = anyCase(
  `((?<![A-Za-z0-9])${namePrefix}(?<!pull[_-]?)(?:${secretWord}s?|tokens)${escapes}["'\`]?\\s{0,20}[:=][ \\t]*)(?!${placeholder})(\\[(?!redacted:)[^\\][{}]{1,4000}\\]|(?:\\r?\\n[ \\t]{0,100}-[ \\t]+(?!\\[redacted:|["']?[\\w.-]{1,100}["']?:(?:\\s|$))[^\\n]+)+)`,
  "g"
)

const withoutItems = (_match: string, name: string, items: string): string =>
  items.startsWith("[")
    ? `${name}["${mark("value")}"]`
    : name + items.replace(/(\n[ \t]*-[ \t]+)(?!\[redacted:)[^\n]+/g, `$1${mark("value")}`)

// Environment entries as Kubernetes prints them: - name: DB_PASSWORD\n  value: hunter2, or
// {"name":"DB_PASSWORD","value":"hunter2"}.
const environmentEntry = anyCase(
  `(${escapes}["']?name${escapes}["']?\\s*:\\s*${escapes}["']?${namePrefix}${secretWord}${escapes}["']?\\s*,?\\s*${escapes}["']?value${escapes}["']?\\s*:\\s*)`
    + `${notYetRedacted}(?:${quoted}|[^\\s,}\\]]+)`,
  "g"
)

// The same with the value first.
const reversedEntry = anyCase(
  `((?<![A-Za-z0-9_.-])${escapes}["']?value${escapes}["']?[ \\t]*:[ \\t]*)${notYetRedacted}(?:"(?:[^"\\\\\\n]|\\\\.){0,4000}"|'[^'\\n]{0,4000}'|[^\\s,}\\]"']{1,4000})(?=\\s{0,40},?\\s{0,40}${escapes}["']?name${escapes}["']?\\s{0,4}:\\s{0,4}${escapes}["']?${namePrefix}${secretWord}${escapes}["']?(?:[\\s,}]|$))`,
  "g"
)

const prose: ReadonlyArray<Shape> = prosePasswords.map((pattern) => [pattern, `$1${mark("password")}`])

const configuration: ReadonlyArray<Shape> = configurationSecrets.map((pattern) => [pattern, `$1${mark("value")}`])

const replaceAll = (text: string, shapes: ReadonlyArray<Shape>): string =>
  shapes.reduce((clean, [pattern, replacement]) => clean.replace(pattern, replacement), text)

const quotes = /^(?:\\{0,7}["'`])|(?:\\{0,7}["'`])$/g

/** Replaces what follows `head`, the begin of `match`, unless it is a plain setting of a name that may be one. */
const unlessSetting = (match: string, head: string, replaced: string): string =>
  isShownSetting(head, match.slice(head.length).replace(quotes, "")) ? match : replaced

/** The same for patterns whose first group ends before the secret. */
const replaceBehindNames = (text: string, shapes: ReadonlyArray<Shape>): string =>
  shapes.reduce(
    (clean, [pattern, replacement]) =>
      clean.replace(pattern, (match: string, head: string) =>
        unlessSetting(
          match,
          head,
          replacement.replace("$1", () => head)
        )
      ),
    text
  )

/** Replaces secrets by their own shape. */
export const replaceShapes = (text: string): string => {
  const withoutWhole = kubernetesSecrets(text)
    .replace(privateKey, mark("private-key"))
    .replace(privateKeyInUrl, mark("private-key"))
  const withoutKeys = replaceHeadlessKeys(withoutWhole, mark)
  return replaceAll(withoutKeys, [...tokens, ...addresses])
}

/** Replaces secrets by the name, command or scheme before them. */
export const replaceNamed = (text: string): string =>
  replaceNested(replaceBehindNames(text, [...contexts, ...configuration, ...prose]), mark("value"))
    .replace(environmentEntry, (match: string, head: string) => unlessSetting(match, head, `${head}${mark("value")}`))
    .replace(reversedEntry, `$1${mark("value")}`)
    .replace(listed, withoutItems)
    .replace(assignment, (match: string, name: string, between: string) =>
      unlessSetting(match, name + between, `${name}${between}${mark("value")}`)
    )
