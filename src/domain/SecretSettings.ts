/**
 * Values that say how a secret is handled and cannot be one. Pure.
 *
 * The name `DB_PASSWORD_STORE` may be that of the password of a service called _store_, or say where passwords are
 * stored. Then the value decides: `vault`, `30s`, `5`, `false`, a path or an address are no secrets. Anything else may
 * be one. A number with more digits may be a PIN, unless it is a round one.
 */

import { anyCase } from "./AnyCase.ts"

// No word that is a common password, such as that of a database.
const switches =
  "true|false|yes|no|on|off|enabled?|disabled?|always|never|none|null|nil|auto|automatic|manual|required?|optional|prefer|preferred|allow|deny|warn|ignore|strict|lax|strong|weak|active|inactive|internal|external|local|remote|global|shared"
const places =
  "memory|in-?memory|mem|redis|memcached|file|files|filesystem|disk|sqlite|etcd|consul|vault|hashicorp-?vault|kubernetes|k8s|env|environment|stdin|configmap|secretsmanager|aws-?secrets-?manager|parameterstore|ssm|keyvault|azure-?key-?vault|gcp-?secret-?manager|aws|gcp|azure|gcloud|keychain|osxkeychain|wincred|secretservice|libsecret|desktop|gpg|ecr-login|acr-env|gcr|onepassword|1password|bitwarden|doppler|akeyless|conjur"
const methods =
  "ldap|ldaps|oidc|oauth2?|saml|basic|digest|bearer|jwt|opaque|plain|plaintext|peer|trust|md5|sha-?(?:1|224|256|384|512)|scram-sha-(?:1|256)|bcrypt|scrypt|argon2(?:id|i|d)?|pbkdf2|[rhep]s(?:256|384|512)|eddsa|ed25519|aes-?(?:128|192|256)(?:-?(?:gcm|cbc))?|kerberos|gssapi|mtls|tls|spiffe|iam|irsa|serviceaccount"
const amounts =
  "debug|info|warning|error|low|medium|high|hourly|daily|weekly|monthly|yearly|json|ya?ml|base64|utf-?8|lru|lfu|fifo|ttl|read|write|readonly|read-only|rw|ro"

const known = anyCase(`^(?:${switches}|${places}|${methods}|${amounts})$`)
/** `eu-west-1`. */
const region = /^[a-z]{2}(?:-gov)?-(?:north|south|east|west|central){1,2}-?\d$/
const amount = /^-?(?:\d{1,6}|\d{1,12}000)(?:\.\d{1,3})?\s?(?:%|[KMGT]i?B?|bytes|B)?$/
const duration =
  /^(?:(?:\d{1,6}(?:\.\d{1,3})?\s?(?:ns|us|µs|ms|s|m|h|d|w|y|secs?|seconds?|min(?:ute)?s?|hours?|days?|weeks?))+|P(?=[\dT])(?:\d{1,4}[YMWD])*(?:T(?:\d{1,4}[HMS])+)?)$/
const date = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/
/** The times of a CronJob. */
const times = /^(?:@(?:hourly|daily|weekly|monthly|yearly)|[\d*/,-]{1,20}(?: [\d*/,-]{1,20}){4})$/
/** Without credentials and without a query, in which there may be some. */
const url = /^[a-z][a-z0-9+.-]{0,20}:\/\/[^\s@?#]{1,500}$/i
const path = /^(?:~|\.{1,2})?(?:\/[\w.-]{1,60}){1,20}\/?$/
/** The name of a host in a domain that exists. */
const host =
  /^(?:[a-z0-9][a-z0-9-]{0,60}\.){1,6}(?:svc|local|internal|localdomain|com|net|org|io|dev|cloud)(?::\d{1,5})?$/
/** The value of another variable, or of a template. */
const reference = /^(?:\$\{[\w.:-]{1,100}\}|\$\([\w.-]{1,100}\)|\{\{[^{}\n]{1,200}\}\})$/
/** The full name of a Java class. */
const className = /^(?:[a-z][a-z0-9]{0,30}\.){2,8}[A-Z][A-Za-z0-9]{2,80}$/

const shapes = [known, region, amount, duration, date, times, url, host, reference, className]

/** A longer value is not looked at. */
const longest = 600

/** Letters of both cases and digits are no name of a folder, and may be a key in base64. */
const isMixed = (segment: string): boolean => /[a-z]/.test(segment) && /[A-Z]/.test(segment) && /\d/.test(segment)

const isPath = (text: string): boolean => path.test(text) && !text.split("/").some(isMixed)

/** Whether a value is a plain setting, which may be shown if its name may be that of one. */
export const isPlainSetting = (value: unknown): boolean => {
  if (typeof value === "boolean") return true
  if (typeof value !== "string" && typeof value !== "number") return false
  const text = String(value)
  if (text.length > longest) return false
  return text === "" || shapes.some((shape) => shape.test(text)) || isPath(text)
}
