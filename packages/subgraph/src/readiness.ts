import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { describeFault } from "./masking";
import type { Readiness } from "./operation";

const readinessTimeoutMs = 5_000;

/** Whether something that is needed is there. What is wrong with it is for the log. */
export async function checked(check: () => Promise<unknown>, log: Logger): Promise<Readiness[string]> {
  const late = new AbortController();
  try {
    const timeout = delay(readinessTimeoutMs, undefined, { signal: late.signal }).then(() => {
      throw new Error(`No answer within ${readinessTimeoutMs / 1000} s.`);
    });
    timeout.catch(() => {});
    await Promise.race([check(), timeout]);
    return { ok: true };
  } catch (error) {
    log.warn({ fault: describeFault(error) }, "Something that is needed isn't ready.");
    return { ok: false, detail: "not reachable" };
  } finally {
    late.abort();
  }
}
