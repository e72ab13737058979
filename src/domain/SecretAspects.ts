/**
 * The words behind a secret word that make a name say something about the secret, and not what it is: `passwordPolicy`,
 * `TOKEN_TTL`, `secretName`. Of a password, any word that is not here tells whose it is: `DB_PASSWORD_BILLING`.
 */

/** Where it is, how it has to be, how long it is good for, and what has become of it. */
export const aspect =
  "name|namespace|ref|reference|from|kind|type|selector|label|annotation|field|column|attribute|claim|header|param|parameter|prefix|suffix"
  + "|file|filename|path|dir|directory|folder|mount|volume|location|source|url|uri|endpoint|region|network|provider|store|helper|host|hostname|port|address|addr|domain|cmd|command|script"
  + "|id|identifier|arn|version|revision|generation|description|title|comment|hint|message|placeholder|prompt|form|page|input"
  + "|policy|policies|rule|strength|complexity|quality|dictionary|blacklist|blocklist|allowlist|identity|validation|validator|pattern|regex|charset|length|len|size|min|max|minimum|maximum"
  + "|limit|threshold|quota|budget|count|counter|total|number|num|rate|ratio|per|usage|used|bytes|chars|digits|symbols"
  + "|ttl|age|lifetime|expiry|expiration|expires?|expire|expired|timeout|interval|period|duration|schedule|ms|seconds?|secs?|minutes?|hours?|days?|at|date|time|timestamp"
  + "|rotation|rotate|rotated|refresh|renew|renewal|reset|resets|history|rounds|cost|iterations|attempts|retries|changed|updated|created|deleted"
  + "|enable|enabled|disable|disabled|required?|optional|allow|allowed|support|supported|mode|method|format|encoding|encoder|algorithm|algo?|scheme|hasher|encryption|authentication|authenticator|grant|scope|template|process|stdin|env|pool|cache|leeway|lookup"
  + "|status|state|error|errors|exception|invalid|missing|mismatch|found|failed|failure|failures|denied|exceeded|revoked|rejected|unset|through|thru|filter|criteria|config|configuration|settings?|options?"

/** What gives out tokens and keeps secrets. Of a password they tell whose it is: `PASSWORD_SERVER`. */
export const handler =
  "service|server|client|manager|backend|engine|driver|plugin|class|controller|operator|reviewer|review|request|issuer|audience|agent|sync|syncer|exchange|bucket|limiter|webhook|rules|permissions|role|items"
