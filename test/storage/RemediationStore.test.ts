import * as Storage from "../../src/storage/Storage.ts"
import { contract } from "./RemediationStore.contract.ts"

contract("SQLite in memory", Storage.layerMemory)
