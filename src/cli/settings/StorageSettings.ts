/** The settings of what is beside the database: its archive, and the spool. */

import { Schema } from "effect"
import { ArchiveAge } from "../../storage/Archive.ts"
import { defaultMaxBytes } from "../../storage/spool/AlertSpool.ts"
import { setting, wholeNumber } from "./Setting.ts"

export const storage = {
  archiveAfter: setting(ArchiveAge, {
    form: "text",
    description:
      "Age at which finished remediations and audit lines move from the database to compressed files, once a day. Unset: the database keeps everything; see kubernaut archive.",
    expected: "a duration of 7 days or more, such as 90 days"
  }),
  archiveDirectory: setting(Schema.NonEmptyString, {
    form: "text",
    description:
      "Folder of the archived files, by default archive beside the database. Nothing is ever removed from it.",
    expected: "the path to a folder"
  }),
  archiveKey: setting(Schema.NonEmptyString, {
    form: "text",
    description:
      "PEM file with the Ed25519 private key that signs what was archived, by default archive.key in that folder. It is created when missing. Keep it where only this service can read it.",
    expected: "the path to a PEM file"
  }),
  spool: setting(Schema.Literals(["on", "off"]), {
    form: "text",
    fallback: "on",
    description:
      "Whether accepted alerts go to a local file while the database cannot store them. off: the sender gets a 503 then, and has to repeat them.",
    expected: "on or off"
  }),
  spoolDirectory: setting(Schema.NonEmptyString, {
    form: "text",
    description:
      "Folder of the spool, by default spool beside the database. Another disk than that of the database protects against a full one. Each database has a folder of its own in it, which one process uses at a time.",
    expected: "the path to a folder"
  }),
  spoolMaxSize: setting(wholeNumber(65536, 64 * 1024 * 1024 * 1024), {
    form: "number",
    fallback: defaultMaxBytes,
    description:
      "Maximum size of the alerts that wait in the spool, in bytes. Beyond it the sender gets a 503. The default fits some 60,000 alerts.",
    expected: "a whole number of bytes from 65536 (64 KiB) to 68719476736 (64 GiB)"
  })
} as const
