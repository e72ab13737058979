/**
 * What tiers share that use one server or one key: within one investigation they get the attempts of one hop together,
 * and a server that cannot be reached is not tried again under another name. Pure.
 *
 * | a tier before it, in this investigation           | the tier                                  |
 * | ------------------------------------------------- | ----------------------------------------- |
 * | could not connect to the same server              | is skipped as `host-unreachable`          |
 * | failed otherwise, at the same server or key       | gets what is left of the attempts, or one |
 * | will be asked after it, at the same server or key | an attempt is kept for it                 |
 */

import type { InvestigatorErrorReason } from "../Investigator.ts"

/** What a tier may share. */
export interface Sharer {
  /** The server, as host and port. Absent if it is not known. */
  readonly host?: string
  readonly account: string
}

/** What a hop has used. */
export interface Used<Tier extends Sharer> {
  readonly tier: Tier
  readonly attempts: number
  /** Nothing of its server could be reached: no name, no connection, no TLS. */
  readonly isUnreachable: boolean
}

const isSameHost = (left: Sharer, right: Sharer): boolean => left.host !== undefined && left.host === right.host

/** Whether two tiers use one server or one key. */
export const shares = (left: Sharer, right: Sharer): boolean =>
  left !== right && (isSameHost(left, right) || left.account === right.account)

/**
 * Whether a failure shows that there was no connection to the server. One that broke after the request had left may be
 * due to the model behind a gateway, and another model there may answer.
 */
export const isUnreachable = (reason: InvestigatorErrorReason | { readonly _tag: string }): boolean =>
  reason._tag === "Unavailable" && "unsent" in reason && reason.unsent === true

/** Whether another tier has found out that the server of this one cannot be reached. */
export const isHostUnreachable = <Tier extends Sharer>(tier: Tier, used: ReadonlyArray<Used<Tier>>): boolean =>
  used.some((each) => each.isUnreachable && each.tier !== tier && isSameHost(each.tier, tier))

/** How many attempts a tier has. `most`: those of a hop. A tier that shares nothing has all of them. */
export const attemptsFor = <Tier extends Sharer>(
  tier: Tier,
  tiers: ReadonlyArray<Tier>,
  used: ReadonlyArray<Used<Tier>>,
  most: number
): number => {
  const made = used.filter((each) => shares(each.tier, tier)).reduce((sum, { attempts }) => sum + attempts, 0)
  const later = tiers.slice(tiers.indexOf(tier) + 1).filter((other) => shares(other, tier)).length
  return Math.max(1, most - made - later)
}
