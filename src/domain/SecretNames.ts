/**
 * The names whose values are secrets: `DB_PASSWORD`, `clientSecret`, `DBPASS`, `JWT_SIGNING_KEY`. This is the only list
 * of them.
 *
 * **Details**
 *
 * A name is secret if it ends in one of these words. Behind the word there may be which of several secrets it is, or
 * how it is written: `DB_PASSWORD_OLD`, `API_KEY_2`, `SecretString`. Behind a word that means nothing but a secret any
 * other may follow (`DB_PASSWORD_BILLING`), unless it says that the value is about the secret (`PASSWORD_FILE`,
 * `passwordMinLength`, `tokenIssuer`; see `SecretAspects`). If it may be a setting as well as an owner (`TOKEN_CACHE`),
 * the value decides (`SecretSettings`).
 *
 * - `secretWord`: what follows such a name is a secret in any text.
 * - `doubtfulWord`: in a text the word may mean something else (`jwt: token is malformed`, `seed: 42`, `token-refresher:
 *   started`), so there the value has to look like a secret as well. The name of a field, a variable or a key is secret
 *   all the same.
 *
 * Long words are found in joined names too (`SMTPPASS`), less the words that only end like them (`bypass`). Short ones
 * stand alone or after `_`, `-`, `.` or a change of case. A name that ends in `key` is secret, unless the word before
 * says otherwise (`public_key`, `partitionKey`).
 */

import { anyCase } from "./AnyCase.ts"
import { aspect, aspectOfTokens, handler, setting } from "./SecretAspects.ts"
import { isPlainSetting } from "./SecretSettings.ts"

/** The words before `key` in names of databases, queues, caches and Kubernetes that are not secret. */
const harmlessKeys =
  "public|primary|foreign|partition|sort|cache|routing|unique|composite|natural|surrogate|index|idempotency|group|label"
  + "|annotation|topology|selector|object|row|record|document|map|hash|shard|sharding|range|lookup|message|event|dedup"
  + "|deduplication|config|property|registry|metric|tag|translation|locale|node|target|resource|missing|duplicate|invalid"
  + "|unknown|hot|any|last|first|next|start|end|min|max|item|attribute|field|column|table|job|task|queue|topic|consumer"
  + "|request|query|search|trace|context|feature|issue|project|limiter|lock|bucket|s3|rate[_-]limit|ssh[_-]host|host"

/** The beginnings of words that only end in `key`. */
const noKeys = "mon|tur|don|hoc|joc|whis|lac|flun|mic|ric|smo|val|kube"

/** The words before `key` that make it a secret also in a joined name. */
const secretKeys =
  "api|access|account|encryption|master|private|secret|shared|signing|ssh|auth|licen[cs]e|ts|rsa|tls|ssl|gpg|pgp|aes"
  + "|hmac|jwt|crypto?|cipher|session|deploy|storage|security|activation|unseal|recovery|vault|cookie|wireguard"

// Only a change of case or no letter before: `dbPw` and `DB_PW`, but not `author`.
const wordStart = "(?:(?<![A-Za-z])|(?-i:(?<=[a-z0-9])(?=[A-Z])))"

const keyForm = "(?:[_.-]?(?:base|data|pem))?"
// The letter first: the engine skips what begins otherwise.
const keyWord = `(?=k)(?<!${wordStart}(?:${harmlessKeys})[_.-]?)(?:(?<=[A-Za-z0-9][_.-])keys?|(?-i:(?<=[a-z0-9])Keys?))${keyForm}`

/** Which of several secrets, or how it is written. */
const variant =
  "(?:[_.-]?(?:base64|b64|value|string|plain(?:text)?|enc(?:oded|rypted)?|v?\\d{1,2}(?!\\d))"
  + "|[_.-](?:v?\\d{1,3}|old|new|current|previous|next|backup|primary|secondary|prod(?:uction)?|staging|stage|dev|test|live|raw|text"
  + "|ro|rw|read[_-]?(?:only|write)|admin|root|json))"

/** _Password_ in other languages. Latin ones stand alone or after a separator. */
const foreign =
  `contraseñas?|mots?[ _-]?de[ _-]?passe|palavra[ _-]?passe|wachtwoord|lösenord|adgangskode|salasana|jelszó|${wordStart}(?:contrasena|senha|heslo|hasło|haslo|parola|şifre|passord|losenord|jelszo)`
  + "|парол[ья]|лозинка|κωδικός|סיסמה|كلمة (?:المرور|السر)|पासवर्ड|mật khẩu|รหัสผ่าน|密[码碼]|口令|パスワード|暗証番号|비밀번호|암호"

/** The beginnings of words that only end in `pass`, and of directives that pass a request on. */
const noPass =
  `(?<!der|ru)by|tres|${wordStart}(?:(?:en)?com|sur|en|over|under|multi|single|low|high|band|render|no|kee|last)`
  + "|(?:proxy|fastcgi|uwsgi|scgi|grpc|memcached)[_-]?"
const pass = `(?=pass)(?<!${noPass})pass`

// The suffix of a pod's name may end in these two letters: `web-7d9f8-x2xpw`.
const pw = "(?=pw)(?-i:(?<![a-z0-9]-[b-df-hj-np-tv-xz2-9]{3}))pw"

/** _Password_ in full, short, and with letters that are left out: `pwd`, `pswd`, `passwrd`, `pasword`. */
const password = `pass[_-]?words?|p(?:a?ss?)?w(?:o?r)?ds?|(?=psw)(?:${wordStart}|(?<=_))psw|pass[_-]?(?:phrase|code|key)s?`

/** The words that mean nothing but a secret. */
const always =
  `(?:${password}|(?:wpa[_-]?|pre[_-]?shared[_-]?)?psk|kennwort|passwort`
  + `|(?:${secretKeys})[_.-]?(?:access[_.-]?)?keys?|connection[_.-]?strings?|conn[_.-]?strs?|credentials?|creds|(?=cred)(?<!sa)cred|${pass}|${pw}|(?=dsn)${wordStart}dsn)`
const certain =
  `(?:pass(?:word|wd)?[_-]?hash(?:ed)?|(?:totp|otp)[_-]?seed|(?:php|asp)sess(?:ion)?id|cookie|session[_.-]?id|signature`
  + "|(?:recovery|backup|otp|mfa|2fa|unlock|access)[_-]?codes?|snmp[_-]?community|id_(?:rsa|dsa|ecdsa|ed25519)"
  + `|(?:sas|webhook)[_.-]?url|authorization|basic[_-]?auth|authtok|requirepass|(?=sig)${wordStart}sig|${foreign}|${keyWord})`

/** The end of a word: also where the case changes, as in `secretName` and `tokenURLPath`. */
const wordEnd = "(?:s?\\d{0,3}(?![A-Za-z0-9])|(?-i:(?<=[a-z0-9])(?=[A-Z])|(?=[A-Z][a-z])))"

/** More words. None of them says that the name is about a secret. The bound keeps matching linear. */
const more = (separator: string, letters: string, excluded: string): string =>
  `(?:v?\\d{1,3})?(?:${separator}(?!(?:${excluded})${wordEnd})${letters}){1,6}`

const nextWord = "(?:[_-]{1,2}|(?-i:(?<=[a-z0-9])(?=[A-Z])))"

/** The same in a variable. In a text, names of classes, pods and errors have other words as well. */
const inVariable = more("(?-i:(?<=[A-Z0-9])_)", "(?-i:[A-Z0-9]{1,30})", `(?-i:${aspect.toUpperCase()})`)
const anyMore = more(nextWord, "(?-i:[A-Z]{0,30}[a-z0-9]{0,30})(?<=[A-Za-z0-9])", aspect)
const handled = `(?:secrets?|tokens?)(?!${nextWord}(?:${aspectOfTokens})${wordEnd})`

/** A password and whose it is. */
export const ownedWord = `${always}${keyForm}${anyMore}`
const withMore = `(?:${always}${keyForm}|${handled})${anyMore}`

/** A pattern, without capturing groups, of the words in which a secret name ends. */
export const secretWord =
  `(?:(?:${always}${keyForm}s?|${handled.replace("tokens?", "token")})(?:${variant}|${inVariable})?`
  + `|${certain}${variant}?|(?=auth)${wordStart}auth(?!\\d)${variant}?)`

/** The words that mean something else in some texts. */
const doubtful =
  `(?:(?=[jpbkmco])${wordStart}(?:jwt|pepper|bearer|keytab|mdp|clave|otp|pat)|(?:totp|hotp)|hmac(?:[_-]?sha[_-]?\\d{0,3})?|salt`
  + `|(?=seed)(?<!(?:random|rand|shuffle|np|torch|hash|data)[_-]?)seed|mnemonic|(?:seed|recovery)[_-]?(?:phrase|words)`
  + `|(?=pin)(?<!(?:cpu|gpio|numa|thread|irq|led)[_-]?)(?:${wordStart}|(?<=user|card|sim|admin|hsm))pin(?:[_-]?code)?`
  + `|(?=dsn)(?<=[A-Za-z])dsn|(?=key)(?<=[A-Za-z])(?<!${noKeys}|${harmlessKeys})keys?${keyForm})`

/** Several of them, or a count of them: `API_TOKENS`, `max_tokens`, `SALTS`, `cookies`. */
const several = `(?:(?:${doubtful}|token|cookie|signature|${wordStart}(?:auth|dsn))s${variant}?)`

/** A pattern like `secretWord`, of the words that mean something else in some texts. */
export const doubtfulWord = `(?:${doubtful}${variant}?|${several}|${withMore})`

/** A pattern of the part of a name before that word. The bound keeps matching linear in the length of the text. */
export const namePrefix = "[A-Za-z0-9_.-]{0,100}?"

/** Of a longer name only the end is looked at. A key of Kubernetes has 253 characters at most. */
const longestName = 500
const nameThatEndsIn = (words: string) => {
  const pattern = anyCase(`^[A-Za-z0-9_.-]*${words}$`)
  return { test: (name: string): boolean => pattern.test(name.slice(-longestName)) }
}
const exactName = nameThatEndsIn(`(?:${secretWord}|${doubtful}${variant}?)`)
const nameWithMore = nameThatEndsIn(withMore)
const nameOfSeveral = nameThatEndsIn(several)
const tokens = /tokens/i
/** A quota limits the number of Secrets. */
const quota = /^(?:count\/)?secrets$/
const count = /^[\d.,_]*[kKmM]?$/
/** The first nodes of a cluster are called seeds. */
const addresses = /^[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:[\s,;]+[\w-]+(?:\.[\w-]+)+(?::\d+)?)*$/

/** Whether the value of this name is a secret, unless it says that it is none. `tokens` and `max_tokens` may be counts. */
export const isSecretName = (name: string): boolean => exactName.test(name) || nameWithMore.test(name)

const anyWord = `(?:${always}${keyForm}s?|${certain}|${doubtful}|secrets?|tokens?|${wordStart}auth(?![A-Za-z]))`
/**
 * The words behind the last secret word of a name, in a text that ends in the name or in what follows it. The `S` of
 * `secretStore` is no plural. What ends in `key` is no setting.
 */
const behindIt = anyCase(
  `^[\\s\\S]*${anyWord}(?!(?-i:(?<=S)[a-z]))([A-Za-z0-9_.-]*)(?<!keys?)[^A-Za-z0-9]{0,40}(?:value[^A-Za-z0-9]{0,20})?$`
)
const mayBeSetting = anyCase(`(?:^|[_.-]|(?-i:(?<=[a-z0-9])(?=[A-Z])))(?:${setting}|${handler})${wordEnd}`)

/** Whether the name may be that of a setting, such as `cache`, `store` and `server`. */
export const maySaySetting = (name: string): boolean => mayBeSetting.test(name)

/**
 * Whether a value is a plain setting of a name that may be one, such as `TOKEN_CACHE`. The name is the end of `text`,
 * or what separates it from the value follows.
 */
export const isShownSetting = (text: string, value: unknown): boolean =>
  isPlainSetting(value) && maySaySetting(behindIt.exec(text.slice(-longestName))?.[1] ?? "")

/** Whether this value of this name is a secret. */
export const isSecretValue = (name: string, value: unknown): boolean =>
  isSecretBy(name, value) && !isShownSetting(name, value)

const isSecretBy = (name: string, value: unknown): boolean =>
  (exactName.test(name) && !(quota.test(name) && count.test(String(value))))
  || (nameWithMore.test(name) && !(tokens.test(name) && count.test(String(value))))
  || (typeof value === "string" && nameOfSeveral.test(name) && !count.test(value) && !addresses.test(value))

const plainSecretName = nameThatEndsIn(
  `(?:${always}${keyForm}s?${variant}?|(?<!pull[_-]?)(?:secrets?|tokens?)${variant}?|(?!(?:secrets?|tokens?)${nextWord}(?:${handler})${wordEnd})${withMore})`
)

/** Whether the name ends in a word that means nothing but a secret: what is beneath it is one as well. */
export const isPlainSecretName = (name: string): boolean => plainSecretName.test(name)

const aboutIt = anyCase(`(?:^|[_.-]|(?-i:(?<=[a-z0-9])(?=[A-Z])))(?:${aspect}|${aspectOfTokens})${wordEnd}`)

/** Whether the name says something about a secret, such as `secretName` and `ttl`. */
export const saysAbout = (name: string): boolean => aboutIt.test(name)

/** Whether the file is a secret as a whole. One with settings, such as `token-refresher.yaml`, may contain some. */
export const isSecretFile = (name: string, value: unknown): boolean => {
  const [, base = "", extension = ""] = /^(.+)\.([A-Za-z0-9]{1,10})$/.exec(name) ?? []
  if (/^(?:json|ya?ml|conf|cfg|ini|properties|env)$/i.test(extension))
    return exactName.test(base) || nameOfSeveral.test(base)
  return /^(?:txt|pem|key|dat|bin|b64|asc|gpg)$/i.test(extension) && isSecretValue(base, value)
}

/** Whether nothing but the names of fields may be shown of an object of this kind: a Secret, or a custom kind like it. */
export const isSecretKind = (kind: string): boolean =>
  /(?:secret|credential|password|passphrase|token|(?:api|access|ssh|private|signing|encryption)key|keypair)s?$/i.test(
    kind
  )
