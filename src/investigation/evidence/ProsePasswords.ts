/**
 * Passwords in sentences: `the admin password is hunter2`, `changed the password of root to swordfish`.
 *
 * **Details**
 *
 * In a sentence nothing separates a name from its value, so the value has to look like one:
 *
 * | after                            | hidden is                                                                       |
 * | -------------------------------- | ------------------------------------------------------------------------------- |
 * | `password is`, `password to`     | a word that has letters and digits or symbols                                   |
 * | `password is`, `password set to` | also a plain word, or a number, that ends the sentence and does not describe it |
 * | `password`                       | a word of five characters or more that has letters and digits                   |
 *
 * A password that is an ordinary word in the middle of a sentence is not found: `password is correct horse battery`.
 */

import { anyCase } from "../../domain/AnyCase.ts"

const noun = String.raw`(?<![A-Za-z0-9_.-])[A-Za-z0-9_.-]{0,60}?(?:password|passwd|pass[ \t]?(?:phrase|code|word)|pwd|kennwort|passwort)`
const of = String.raw`(?:[ \t]+(?:for|of|on|in|at|from|für|von)[ \t]+[^\n.:;="'${"`"}]{1,60}?)?`
const states = String.raw`(?:is|was|are|were|ist|war|lautet|equals)(?:[ \t]+(?:now|still|currently|jetzt))?`
const sets = String.raw`(?:(?:is|was|has[ \t]been|got|be)[ \t]+)?(?:set|reset|changed|rotated|updated)[ \t]+(?:back[ \t]+)?to`
const fresh = String.raw`(?!\[redacted:)`
const mixed = String.raw`[^\s"'${"`"},;]`
// Names of algorithms and protocols, lengths, and versions.
const technical = String.raw`(?!(?:sha-?\d{1,3}|md[45]|aes-?\d{3}|rsa-?\d{4}|rc4|base(?:32|58|64)|utf-?8|bcrypt|scrypt|argon2(?:id|i|d)?|pbkdf2|oauth-?[12]|http[123]|tls-?1|ipv[46]|ntlmv[12]|v\d{1,2}|x509)(?:-[a-z]+)*(?![\w!#$%^&*+@]))(?!\d+(?:st|nd|rd|th|x|ms|s|m|h|d|kb|mb)?(?:-[a-z]+)*[.,!]?(?:\s|$))`
const isNoPath = String.raw`(?!\S{0,100}[/=([<{])`
const describes = String.raw`(?![a-z]*(?:ed|ing|able|ible|al|ory|ary|ive|ent|ant|ous|ful|less|ic)\b)(?!(?:wrong|short|long|weak|strong|empty|blank|null|none|nil|valid|invalid|correct|incorrect|unset|unknown|different|same|stale|secret|public|private|safe|unsafe|secure|insecure|unique|here|there|below|above|default|lost|stolen|forgotten|sent|found|kept|chosen|given|known|shown|hidden|broken|taken|written|read|made|right|good|fine|okay|true|false|yours|mine|ours|theirs|gone|late|plain|plaintext|cleartext|simple|complex|ready|bad|never|again|easy|hard|enough|today|tomorrow|yesterday|random|reset|set|worthless|unchanged|falsch|richtig|leer|abgelaufen|unbekannt)\b)`
const ends = String.raw`(?=[.!)]{0,2}["'${"`"}]?(?:[ \t]*(?:$|[\r\n,;)}\]]|\\n)|[ \t]+(?:and|but|so|or|und|aber)\b)|[.!][ \t])`

/** Each pattern keeps its first group. */
export const prosePasswords: ReadonlyArray<RegExp> = [
  `(${noun}${of}[ \\t]+(?:${states}|${sets}|to)[ \\t]*:?[ \\t]+)${fresh}(?=${mixed}{0,60}[A-Za-z])(?=${mixed}{0,60}[\\d!#$%^&*+@])${technical}${isNoPath}${mixed}{4,100}`,
  `(${noun}${of}[ \\t]+(?:${states}|${sets})[ \\t]*:?[ \\t]+)${fresh}${describes}(?:[A-Za-z]{4,60}|\\d{4,20})${ends}`,
  // A long word may have a change of case instead of a digit.
  `(${noun}(?:[ \\t]+(?:is|was))?:?[ \\t]+)${fresh}(?=[^\\s"'\`,;:]{0,60}(?:\\d|(?-i:[a-z][A-Z])))(?=[^\\s"'\`,;:]{0,60}[A-Za-z])${technical}${isNoPath}[^\\s"'\`,;:]{8,100}`,
  `(${noun}[ \\t]+)${fresh}(?=[A-Za-z0-9_.!#$%^&*+@]{0,60}[A-Za-z])(?=[A-Za-z0-9_.!#$%^&*+@]{0,60}\\d)${technical}[A-Za-z0-9_.!#$%^&*+@]{5,100}(?![\\w/=([:<{-])`
].map((pattern) => anyCase(pattern, "gm"))
