/**
 * The names whose values are secrets: `DB_PASSWORD`, `clientSecret`, `DBPASS`, `JWT_SIGNING_KEY`. This is the only list
 * of them.
 *
 * **Details**
 *
 * A name is secret if it ends in one of these words. Behind the word there may be which of several secrets it is, or
 * how it is written: `DB_PASSWORD_OLD`, `API_KEY_2`, `SecretString`.
 *
 * - `secretWord`: what follows such a name is a secret in any text.
 * - `doubtfulWord`: in a text the word may mean something else (`jwt: token is malformed`, `seed: 42`), so there the
 *   value has to look like a secret as well. The name of a field, a variable or a key is secret all the same.
 *
 * Long words are found in joined names too (`SMTPPASS`), less the words that only end like them (`bypass`). Short ones
 * stand alone or after `_`, `-`, `.` or a change of case. A name that ends in `key` is secret, unless the word before
 * says otherwise (`public_key`, `partitionKey`).
 */

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
const keyWord = `(?<!${wordStart}(?:${harmlessKeys})[_.-]?)(?:(?<=[A-Za-z0-9][_.-])keys?|(?-i:(?<=[a-z0-9])Keys?))${keyForm}`

/** Which of several secrets, or how it is written. */
const variant =
  "(?:[_.-]?(?:base64|b64|value|string|plain(?:text)?|enc(?:oded|rypted)?)"
  + "|[_.-](?:v?\\d{1,3}|old|new|current|previous|next|backup|primary|secondary|prod(?:uction)?|staging|stage|dev|test|live|raw|text))"

/** _Password_ in other languages. Latin ones stand alone or after a separator. */
const foreign =
  `contraseñas?|mots?[ _-]?de[ _-]?passe|palavra[ _-]?passe|wachtwoord|lösenord|adgangskode|salasana|jelszó|${wordStart}(?:contrasena|senha|heslo|hasło|haslo|parola|şifre|passord|losenord|jelszo)`
  + "|парол[ья]|лозинка|κωδικός|סיסמה|كلمة (?:المرور|السر)|पासवर्ड|mật khẩu|รหัสผ่าน|密[码碼]|口令|パスワード|暗証番号|비밀번호|암호"

/** The beginnings of words that only end in `pass`, and of directives that pass a request on. */
const noPass =
  "by|com|tres|sur|en|over|under|multi|single|low|high|band|all|sub|render|no|kee|last"
  + "|(?:proxy|fastcgi|uwsgi|scgi|grpc|memcached)[_-]?"
const pass = `(?<!${noPass})pass(?:\\d{1,2}(?!\\d))?`

// The suffix of a pod's name may end in these two letters: `web-7d9f8-x2xpw`.
const pw = "(?-i:(?<![a-z0-9]-[b-df-hj-np-tv-xz2-9]{3}))pw(?:\\d{1,2}(?!\\d))?"

/** A pattern, without capturing groups, of the words in which a secret name ends. */
export const secretWord =
  "(?:pass(?:[_-]?words?|wd|[_-]?phrase|[_-]?code|[_-]?key)(?:\\d{1,2}(?!\\d))?|pass(?:word|wd)?[_-]?hash|pwd|(?:wpa[_-]?|pre[_-]?shared[_-]?)?psk|(?:totp|otp)[_-]?seed|(?:php|asp)sess(?:ion)?id|kennwort|passwort|secrets?(?:\\d{1,2}(?!\\d))?|token(?:\\d{1,2}(?!\\d))?"
  + `|(?:${secretKeys})[_.-]?(?:access[_.-]?)?keys?${keyForm}|credentials?|creds|cookie|session[_.-]?id|signature|connection[_.-]?string|conn[_.-]?str`
  + "|(?:recovery|backup|otp|mfa|2fa)[_-]?codes?|snmp[_-]?community|id_(?:rsa|dsa|ecdsa|ed25519)"
  + `|(?:sas|webhook)[_.-]?url|authorization|basic[_-]?auth|authtok|requirepass|${pass}|${pw}|${wordStart}(?:auth|dsn|sig|cred)|${foreign}|${keyWord})${variant}?`

/** A pattern like `secretWord`, of the words that mean something else in some texts. */
export const doubtfulWord =
  `(?:${wordStart}(?:jwt|pepper|bearer|keytab|mdp|clave|otp)|(?:totp|hotp)|hmac(?:[_-]?sha[_-]?\\d{0,3})?|salt`
  + `|(?<!(?:random|rand|shuffle|np|torch|hash|data)[_-]?)seed|mnemonic|(?:seed|recovery)[_-]?(?:phrase|words)`
  + `|(?<!(?:cpu|gpio|numa|thread|irq|led)[_-]?)(?:${wordStart}|(?<=user|card|sim|admin|hsm))pin(?:[_-]?code)?`
  + `|(?<=[A-Za-z])dsn|(?<=[A-Za-z])(?<!${noKeys}|${harmlessKeys})keys?${keyForm})${variant}?`

/** A pattern of the part of a name before that word. The bound keeps matching linear in the length of the text. */
export const namePrefix = "[A-Za-z0-9_.-]{0,100}?"

const secretName = new RegExp(`^[A-Za-z0-9_.-]*(?:${secretWord}|${doubtfulWord})$`, "i")
const tokensName = /(?:^|[A-Za-z0-9_.-])tokens$/i
const count = /^[\d.,_]*[kKmM]?$/

/** Whether the value of this name is a secret, whatever it is. `tokens` and `max_tokens` may be counts. */
export const isSecretName = (name: string): boolean => secretName.test(name)

/** Whether this value of this name is a secret. */
export const isSecretValue = (name: string, value: unknown): boolean =>
  isSecretName(name) || (tokensName.test(name) && typeof value === "string" && !count.test(value))

/** Whether nothing but the names of fields may be shown of an object of this kind: a Secret, or a custom kind like it. */
export const isSecretKind = (kind: string): boolean => /(?:secret|credential|password)s?$/i.test(kind)
