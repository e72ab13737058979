/** The version of the package, as it is installed. */

import manifest from "../../package.json" with { type: "json" }

export const version: string = manifest.version
