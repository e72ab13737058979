/**
 * Secrets in configuration files and scripts that separate a name from its value in a way of their own: by a comma, a
 * space or a colon. Each notation is known by the word in front of it, because a space alone separates anything.
 */

import { anyCase } from "../../domain/AnyCase.ts"
import { namePrefix, secretWord } from "../../domain/SecretNames.ts"

const escapes = String.raw`\\{0,3}`
const quoted = String.raw`(?:"(?:[^"\\\n]|\\.){1,2000}"|'(?:[^'\\\n]|\\.){1,2000}'|\\{1,3}"[^"\\\n]{1,2000}\\{1,3}")`
const word = String.raw`(?:${quoted}|[^\s"';]+)`
const name = `${namePrefix}${secretWord}`

// A variable, stars, nothing, or what has been removed already, after a scheme or not.
const fresh = String.raw`(?!${escapes}["']?(?:[A-Za-z]{1,20}[ \t]+)?(?:\[redacted:|\$\{|\$\(|\{\{|\$[A-Za-z_]\w{0,60}(?![^\s;"'\\])|%[[{(]|\*{3,}|${escapes}["'](?![^\s;,)}\]])))(?!(?:true|false|null|nil|none|yes|no|on|off)(?![^\s;,)}\]]))`

// A line begins, or anything but a sentence goes before.
const begins = String.raw`(?:(?<![\w.-])(?<![A-Za-z][ \t])|(?<=\\n))`
// A sentence that begins with the name of a directive.
const noSentence = String.raw`(?!(?:is|was|are|has|have|not|no|must|should|can|cannot|may|missing|required|invalid|unset|and|or|for|in|on|of|to|from|with|as|by|option|directive|string|strings|setting|entry|lines?|failed|does|did|will|needs)\b)`

/** Functions that take a name and a value. */
const calls =
  "define|env|config|configure|set|put|setenv|setdefault|set_?property|set_?config|set_?(?:request_?)?header|add_?header|with_?header|header"
  + "|setRequestProperty|getenv|getOrDefault|getProperty|ini_set|property"

/** Directives that take a name and a value. */
const namedDirectives =
  String.raw`(?:proxy|grpc)_set_header|(?:fastcgi|uwsgi|scgi)_param|add_header|more_set_(?:input_)?headers|setenv`
  + String.raw`|(?:Request)?Header[ \t]+(?:always[ \t]+)?(?:set|add|append|setifempty)|(?:http-re(?:quest|sponse)[ \t]+)?(?:set|add)-header`
  + String.raw`|config[ \t]+set|set[ \t]+-[gxUL]{1,4}|(?-i:ENV)`

/** Directives whose only value is the secret, or the first after arguments that are none. */
const directives =
  String.raw`(?:root)?bindpw|(?:olc)?rootpw|auth_pass|AuthLDAPBindPassword|ldap_default_authtok|(?:ro|rw|trap)community6?|snmp-server[ \t]+community`
  + String.raw`|com2sec6?[ \t]+\S{1,100}[ \t]+\S{1,100}|sentinel[ \t]+auth-pass[ \t]+\S{1,100}|pre-shared-key|(?:radius|tacacs)-server[ \t]+key(?:[ \t]+\d)?`
  + String.raw`|(?:enable|username[ \t]+\S{1,100}(?:[ \t]+privilege[ \t]+\d{1,2})?|neighbor[ \t]+\S{1,100})[ \t]+(?:secret|password)[ \t]+\d`
  + String.raw`|user[ \t]+\S{1,100}[ \t]+insecure-password|createUser[ \t]+\S{1,100}[ \t]+(?:MD5|SHA[-\d]{0,4})`

/** Commands that read a secret from their standard input. */
const readers = String.raw`(?:sudo\b[^\n|]{0,100}?[ \t](?:-[A-Za-z]{0,5}S|--stdin)\b|chpasswd\b|su\b|kinit\b|(?:passwd|smbpasswd|pw|cryptsetup|gpg|openssl)\b[^\n]{0,100}?(?:--stdin|--passphrase-fd|stdin|[ \t]-s?(?![\w-]))|[^\n|]{1,200}?--pass(?:word|phrase)-stdin)`

/** Each pattern keeps its first group. */
export const configurationSecrets: ReadonlyArray<RegExp> = [
  // define('DB_PASSWORD', '…'), and the salts of WordPress.
  `(\\b(?:${calls})\\(\\s{0,10}${escapes}["'](?:${name}|[A-Za-z_]{1,40}_SALT)${escapes}["']\\s{0,10},\\s{0,10})${fresh}${quoted}`,
  // {default_pass, <<"…">>} of Erlang.
  `(\\{\\s{0,10}["']?${name}(?:'?\\s{0,10},\\s{0,10}(?:<<)?|"\\s{0,10},\\s{0,10}<<))${fresh}${quoted}`,
  // proxy_set_header X-Api-Key …; and set $api_key …;
  `((?<![\\w.-])(?:(?:${namedDirectives})[ \\t]+|set[ \\t]+\\$)["']?${name}["']?[ \\t]+)${fresh}${word}`,
  // bindpw …, rocommunity … 10.0.0.0/8
  `(${begins}(?:${directives})[ \\t]+)${fresh}${noSentence}${word}`,
  `(${begins}createUser[ \\t]+\\S{1,100}[ \\t]+(?:MD5|SHA[-\\d]{0,4})[ \\t]+${word}[ \\t]+(?:DES|AES[-\\d]{0,4})[ \\t]+)${fresh}${word}`,
  `(${begins}stats[ \\t]+auth[ \\t]+[^\\s:]{1,100}:)${fresh}\\S+`,
  // A line of .pgpass: host:port:database:user:password, at a port of PostgreSQL.
  `((?:^|(?<=\\\\n|[ "'>+-]))(?:\\*|\\d{1,3}(?:\\.\\d{1,3}){3}|\\[[0-9A-Fa-f:]{2,45}\\]|(?![0-9a-f]{4}:)(?=[^\\s:]{0,252}[A-Za-z])[A-Za-z0-9_./-]{1,253}):(?:\\*|[1-6]?54\\d\\d|6432|6543|26257):(?:\\*|(?=[^\\s:]{0,62}[A-Za-z_])[^\\s:"'\\\\]{1,63}):(?:\\*|(?=[^\\s:]{0,62}[A-Za-z_])[^\\s:"'\\\\]{1,63}):)${fresh}(?:[^\\s"'\\\\]|\\\\[:\\\\]){3,}`,
  // sqlplus user/password@database; without a database only right after the command.
  `(\\b(?:sqlplus|sqlldr|sqlcl|expdp|impdp|exp|imp|rman)\\b(?:[^\\n|]{0,200}?[ \\t="'])?(?<=[ \\t="'])[A-Za-z][\\w.$#]{0,60}\\/)${fresh}(?:\\\\?"[^"\\n]{1,200}?"|[^\\s"'/@]{1,200})(?=@)`,
  `(\\b(?:sqlplus|sqlldr|sqlcl|expdp|impdp)(?:[ \\t]+-[A-Za-z]{1,8}(?:[ \\t]+\\d{1,3})?){0,6}[ \\t]+["']?[A-Za-z][\\w.$#]{0,60}\\/)${fresh}[^\\s"'/@]{1,200}(?=["']?[ \\t]*(?:$|[<;@]|\\\\n|as[ \\t]))`,
  `(^[ \\t]*conn(?:ect)?[ \\t]+[A-Za-z][\\w.$#]{0,60}\\/)${fresh}[^\\s"'/@]{1,200}(?=@)`,
  // echo … | sudo -S
  `(\\b(?:echo|printf)[ \\t]+(?:-[neE]{1,3}[ \\t]+)?(?:["']%s(?:\\\\n)?["'][ \\t]+)?)(?!["']%s|-[neE]{1,3}[ \\t])${fresh}(?:"[^"\\n]{0,200}"|'[^'\\n]{0,200}'|[^\\n"'|]){1,300}?(?=[ \\t]*\\|[ \\t]*${readers})`,
  `(\\bsudo\\b[^\\n|]{0,100}?[ \\t]-[A-Za-z]{0,5}S\\b[^\\n|]{0,200}?<<<[ \\t]*)${fresh}${word}`
].map((pattern) => anyCase(pattern, "gm"))
