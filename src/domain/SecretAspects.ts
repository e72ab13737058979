/**
 * The words behind a secret word that make a name say something about the secret, and not what it is: `passwordPolicy`,
 * `TOKEN_TTL`, `secretName`. Of a password, any word that is not here tells whose it is: `DB_PASSWORD_BILLING`.
 *
 * | words     | such as                                 | a value of this name                                    |
 * | --------- | --------------------------------------- | ------------------------------------------------------- |
 * | `aspect`  | `passwordMinLength`, `DB_PASSWORD_FILE` | is no secret: nobody is called so                       |
 * | `setting` | `tokenCache`, `DB_PASSWORD_STORE`       | is a secret, unless it is a plain setting: services are |
 * |           |                                         | called so as well (`SecretSettings`)                    |
 * | `handler` | `tokenServer`, `SECRET_OPERATOR`        | likewise, and what is beneath is the setup of a program |
 */

/** Where it is, how it has to be, how long it is good for, and what has become of it. */
export const aspect =
  "name|namespace|ref|reference|from|kind|type|class|selector|label|annotation|field|column|attribute|claim|header|param|parameter|prefix|suffix"
  + "|file|filename|path|dir|directory|folder|mount|url|uri|cmd|command"
  + "|id|identifier|arn|version|revision|generation|description|comment|hint|placeholder"
  + "|policy|policies|rule|strength|complexity|validation|validator|pattern|regex|charset|length|len|size|min|max|minimum|maximum"
  + "|limit|threshold|count|number|num|rate|ratio|per|bytes|chars|digits|symbols"
  + "|ttl|age|lifetime|expiry|expiration|expires?|expire|expired|timeout|interval|period|duration|leeway|seconds?|secs?|minutes?|hours?|days?"
  + "|rotation|rotate|rotated|renew|renewal|rounds|iterations|attempts|retries|changed|updated|created|deleted"
  + "|enable|enabled|disable|disabled|required?|optional|allow|allowed|supported|mode|method|format|encoding|encoder|algorithm|algo?|scheme|hasher|encryption|grant|scope|stdin"
  + "|status|error|errors|exception|invalid|missing|mismatch|found|failed|failure|failures|denied|exceeded|revoked|rejected|unset|through|thru|filter|criteria"

/** The same of a token or another secret, of which they are no owner either. */
export const aspectOfTokens = "issuer|audience|reviewer|review|limiter|bucket|rules|permissions|items"

/** What may be about a secret, and may be the name of a service, a place or a time. */
export const setting =
  "location|source|endpoint|region|network|provider|store|helper|host|hostname|port|address|addr|domain|script|volume"
  + "|title|message|prompt|form|page|input|quality|dictionary|blacklist|blocklist|allowlist|identity|quota|budget|counter|total|usage|used"
  + "|schedule|ms|at|date|time|timestamp|refresh|reset|resets|history|cost|support|authentication|authenticator|template|process|env|pool|cache|lookup|state"
  + "|config|configuration|settings?|options?"

/** What gives out tokens and keeps secrets. */
export const handler =
  "service|server|client|manager|backend|engine|driver|plugin|controller|operator|request|agent|sync|syncer|exchange|webhook|role"
