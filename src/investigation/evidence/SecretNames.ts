/**
 * The names whose values are secrets: `DB_PASSWORD`, `clientSecret`, `JWT_SIGNING_KEY`.
 *
 * A name is secret if it ends in one of the words below, alone or after `_`, `-`, `.` or a change of case. A name that
 * ends in `key` is secret, unless the word before says otherwise (`public_key`, `partitionKey`). Behind that word there
 * may be which of several secrets it is, or how it is written: `DB_PASSWORD_OLD`, `API_KEY_2`, `SecretString`.
 */

/** The words before `key` in names of databases, queues, caches and Kubernetes that are not secret. */
const harmlessKeys =
  "public|primary|foreign|partition|sort|cache|routing|unique|composite|natural|surrogate|index|idempotency|group|label"
  + "|annotation|topology|selector|object|row|record|document|map|hash|shard|sharding|range|lookup|message|event|dedup"
  + "|deduplication|config|property|registry|metric|tag|translation|locale|node|target|resource|missing|duplicate|invalid"
  + "|unknown|hot|any|last|first|next|start|end|min|max|item|attribute|field|column|table|job|task|queue|topic|consumer"
  + "|request|query|search|trace|context|feature|issue|project|limiter|lock|bucket|s3|rate[_-]limit|ssh[_-]host|host"

// Only a change of case or no letter before: `dbPass` and `DB_PASS`, but not `bypass`.
const wordStart = "(?:(?<![A-Za-z])|(?-i:(?<=[a-z0-9])(?=[A-Z])))"

const keyWord =
  `(?<!${wordStart}(?:${harmlessKeys})[_.-]?)`
  + "(?:(?<=[A-Za-z0-9][_.-])keys?|(?-i:(?<=[a-z0-9])Keys?))(?:[_.-]?(?:base|data|pem))?"

/** Which of several secrets, or how it is written. */
const variant =
  "(?:[_.-]?(?:base64|b64|value|string|plain(?:text)?|enc(?:oded|rypted)?)"
  + "|[_.-](?:v?\\d{1,3}|old|new|current|previous|next|backup|primary|secondary|prod(?:uction)?|staging|stage|dev|test|live|raw|text))"

/** _Password_ in other languages. Latin ones stand alone or after a separator. */
const foreign =
  `contraseñas?|mots?[ _-]?de[ _-]?passe|palavra[ _-]?passe|wachtwoord|lösenord|adgangskode|salasana|jelszó|${wordStart}(?:contrasena|senha|heslo|hasło|haslo|parola|şifre|passord|losenord|jelszo)`
  + "|парол[ья]|лозинка|κωδικός|סיסמה|كلمة (?:المرور|السر)|पासवर्ड|mật khẩu|รหัสผ่าน|密[码碼]|口令|パスワード|暗証番号|비밀번호|암호"

/** A pattern, without capturing groups, of the words in which a secret name ends. */
export const secretWord =
  "(?:pass(?:words?|wd|phrase|code)|pwd|(?:wpa[_-]?|pre[_-]?shared[_-]?)?psk|(?:totp|otp)[_-]?seed|(?:php|asp)sess(?:ion)?id|kennwort|passwort|secrets?|token|(?:api|access|account|encryption|master|private|secret|shared|signing)"
  + "[_.-]?(?:access[_.-]?)?keys?|credentials?|cookie|session[_.-]?id|signature|connection[_.-]?string|conn[_.-]?str"
  + `|(?:sas|webhook)[_.-]?url|authorization|basic[_-]?auth|requirepass|${wordStart}(?:pass|pw|auth|dsn|sig)|${foreign}|${keyWord})${variant}?`

/** A pattern of the part of a name before that word. The bound keeps matching linear in the length of the text. */
export const namePrefix = "[A-Za-z0-9_.-]{0,100}?"

const secretName = new RegExp(`^[A-Za-z0-9_.-]*${secretWord}$`, "i")

/** Whether the value of this name is a secret. `tokens` and `max_tokens` are counts, so they are not. */
export const isSecretName = (name: string): boolean => secretName.test(name)
