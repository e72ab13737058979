/**
 * What is beneath a secret name: in `passwords: {alice: …}` and `adminPassword: {inline: {x: …}}` the name of the value
 * says nothing, and the one above says it all.
 *
 * | above                                 | secret beneath it                                                          |
 * | ------------------------------------- | -------------------------------------------------------------------------- |
 * | `passwords`, `credentials`, `apiKeys` | everything but the name of an object: users and purposes may have any name |
 * | `secret`, `adminPassword`, `tokens`   | what does not say something about the secret: `secretName`, `ttl`, `type`, |
 * |                                       | and is no plain value of what may be a setting: `source: vault`            |
 */

import { anyCase } from "./AnyCase.ts"
import { isPlainSecretName, isShownSetting, maySaySetting, saysAbout } from "./SecretNames.ts"
import { isPlainSetting } from "./SecretSettings.ts"

/** Maps of which every value is a secret, whatever its key: users by their names, keys by their purpose. */
const holdsAll = anyCase(
  "(?:^|[._-]|(?-i:(?<=[a-z0-9])(?=[A-Z])))(?:basic[_-]?auth|credentials?|creds|passwords?"
    + "|(?:api|auth|access|refresh|bearer|admin|user|bot)[_-]?tokens"
    + "|(?:api|auth|access|account|encryption|private|secret|shared|signing)[_-]?keys)$"
)
/** Maps of several passwords have the names of people in them. One password may have a length or an age. */
const onePassword = /password$/i

/** What is beneath one and only refers to something. */
const referring = /^(?:name|namespace|kind|secretName|secretRef)$/

/** Names that say nothing of what they hold: the name above them does. */
const generic = /^(?:value|values|plain|plaintext|text|content|data|stringData|string|raw|inline)$/i

/** Letters and digits without a separator. An algorithm, a path, a date or the name of an object is not like this. */
const looksSecret = /^(?=\S*\d)(?=\S*[A-Za-z])[^\s/.:,-]{8,}$/

export const isGeneric = (name: string): boolean => generic.test(name)

export const isReferring = (name: string): boolean => referring.test(name)

const isAllSecret = (name: string): boolean => holdsAll.test(name) && !onePassword.test(name)

/** Whether something of what is beneath this name is a secret, whatever it is called. */
export const isHolder = (name: string): boolean => holdsAll.test(name) || isPlainSecretName(name)

/** Whether a value with these names, from top to bottom, is a secret by the first of them. */
export const isHeldBy = (holder: string, names: ReadonlyArray<string>, value: unknown): boolean => {
  if (typeof value === "boolean" || isReferring(names.at(-1) ?? "")) return false
  if (isAllSecret(holder)) return true
  if (isShownSetting(holder, value) || (names.some(maySaySetting) && isPlainSetting(value))) return false
  return !names.some(saysAbout) || (typeof value === "string" && looksSecret.test(value))
}

/** Whether a value with these names, from top to bottom, is a secret by one above it. */
export const isHeld = (names: ReadonlyArray<string>, value: unknown): boolean =>
  names.some(
    (name, index) => index < names.length - 1 && isHolder(name) && isHeldBy(name, names.slice(index + 1), value)
  )
