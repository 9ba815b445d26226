// What a server that runs on this machine for us alone needs, whichever it is.
export { withFileLock } from "./embedded/file-lock";
export { freePort } from "./embedded/port";
export { isAlive } from "./embedded/process";
