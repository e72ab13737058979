/**
 * The names of the files of a spool.
 *
 *     alerts-000001.spool     entries, in the order of the numbers
 *     damaged-….spool         a file in which an entry is damaged, kept for a person
 *     refused-….spool         an entry that the database refuses, kept for a person
 *     aside-ID-….spool        entries for the database with this identity, in the folder of another one
 *     unfinished.new          a copy of one that is being written, of which nobody has been told
 */

const alerts = /^alerts-(\d{6})\.spool$/
const kept = /^(damaged|refused)-.*\.spool$/

/** The name of a file until all of it is on disk. */
export const unfinished = "unfinished.new"

/** Whether a file has entries to replay. */
export const isAlerts = (name: string): boolean => alerts.test(name)

/** Whether a file was kept for a person. */
export const isKept = (name: string): boolean => kept.test(name)

/** The name of the file with this number, from 1. */
export const nameOf = (number: number): string => `alerts-${String(number).padStart(6, "0")}.spool`

/** The number of a file; 0 for a file that is not one of entries. */
export const numberOf = (name: string): number => Number(alerts.exec(name)?.[1] ?? 0)

const databaseIn = (database: string): string => database.replaceAll(/[^A-Za-z0-9_]+/g, "_")

/** The name of a file for entries of a database, which is set aside in the folder of another one. */
export const asideNameOf = (database: string, spool: string): string => `aside-${databaseIn(database)}-${spool}.spool`

/** Whether a file is set aside; for one database if that is given. */
export const isAside = (name: string, database?: string): boolean =>
  name.startsWith(database === undefined ? "aside-" : `aside-${databaseIn(database)}-`) && name.endsWith(".spool")
