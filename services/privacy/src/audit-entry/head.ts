import type { Keys } from "../keys";
import type { Head } from "./store";

/** In hexadecimal: says that this installation has put the chain's end there. */
export const headMac = (keys: Keys, { chain, number, hash, firstNumber }: Head): string =>
  keys.mac("audit-head", chain, String(number), hash, String(firstNumber)).toString("hex");
