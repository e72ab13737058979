/** Ids that sort in the order of generation: 48 bits of milliseconds and 80 more bits in Crockford's base 32. */

// Without I, L, O and U, which are easily misread.
const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

/** A number in base 32, with leading zeros. */
export const base32 = (value: number, length: number): string => {
  let text = ""
  let rest = value
  for (let index = 0; index < length; index++) {
    text = digits.charAt(rest % 32) + text
    rest = Math.floor(rest / 32)
  }
  return text
}

/** Half of the bits that follow the time. Numbers represent it exactly. */
export const half = 2 ** 40
