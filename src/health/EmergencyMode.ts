/**
 * What makes an emergency (level 3). Pure.
 *
 * | cause                                             | found by                                       |
 * | ------------------------------------------------- | ---------------------------------------------- |
 * | an operator has declared it                       | `StandingOrders`                               |
 * | more than 3 services are out                      | breakers, and the database's own health        |
 * | every model is out, with `allAiDown: "emergency"` | breakers                                       |
 * | the fallback chain is exhausted: rules failed too | the investigation of an alert                  |
 * | CPU or memory of the container are used up        | `PressureCheck`, on Linux with a limit         |
 * | a security incident                               | `SecurityChecks`: the audit chain, the cluster |
 *
 * A cause counts from the moment it is found, and the level falls at once. The level rises again when no cause has been
 * found for the dwell (`LevelTransition`), or when an operator ends the emergency: `emergency lift` takes back what an
 * operator has declared, and dismisses the other causes until each of them is gone. Services that are out are dismissed
 * one by one: another one that goes out makes it an emergency again. The number of services is that of
 * `docs/requirements.md` ("Emergency").
 */

import type { EmergencyCause } from "./Check.ts"

/** What is done when every configured model is out: the rules go on (level 2), or it is an emergency (level 3). */
export type AllAiDown = "rules" | "emergency"

/** What speaks for an emergency now. */
export interface Signs {
  /** The services that are out: models, the cluster, the database, Alertmanager. */
  readonly out: ReadonlyArray<string>
  /** Whether models are configured, and all of them are out. */
  readonly isWithoutModels: boolean
  /** Whether an investigation has just ended without a result, although the rules were asked. */
  readonly isExhausted: boolean
  /** The causes that health checks have found. */
  readonly found: ReadonlyArray<EmergencyCause>
}

/** What is dismissed with a cause. */
export const dismissalOf = ({ key, parts = [key] }: EmergencyCause): ReadonlyArray<string> => parts

/** With more services out than this it is an emergency. */
const mostOut = 3

/** The causes of an emergency, without the one that an operator has declared. */
export const causesOf = (
  { found, isExhausted, isWithoutModels, out }: Signs,
  allAiDown: AllAiDown
): ReadonlyArray<EmergencyCause> => [
  ...found,
  ...(out.length > mostOut
    ? [
        {
          key: "services",
          cause: `${out.length} services are out at once: ${out.join(", ")}`,
          parts: out.map((service) => `services:${service}`)
        }
      ]
    : []),
  ...(isWithoutModels && allAiDown === "emergency" ? [{ key: "models", cause: "all AI services are down" }] : []),
  ...(isExhausted
    ? [{ key: "chain", cause: "the fallback chain is exhausted: every tier has failed, and the rules too" }]
    : [])
]
