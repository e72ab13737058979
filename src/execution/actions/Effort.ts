/**
 * How much one plan may still compare. What is compared in pairs takes as long as the product of both sizes, nothing
 * else runs meanwhile, and those who may write to a namespace decide how large its objects are. So what would take
 * longer is left unknown, and a person is asked.
 */

/** How much may still be compared. */
export interface Effort {
  /** Takes so many steps. `false`: that is more than is left, and so is everything from now on. */
  readonly take: (steps: number) => boolean
}

/** About a tenth of a second. Thirty policies of 300 blocks of addresses each beside another one take as many. */
const most = 3_000_000

export const effortOf = (steps = most): Effort => {
  let left = steps
  return {
    take: (taken) => {
      left -= taken
      return left >= 0
    }
  }
}
