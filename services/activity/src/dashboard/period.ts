import { daysBefore, floorTo, quarterMs, startOfDay, type Range } from "../calendar/calendar";
import type { DashboardPeriod } from "./dashboard";

/** From when to when a period reaches at this moment, in whole quarters of an hour. */
export function rangeOf(period: DashboardPeriod, zone: string, now: Date): Range {
  const to = new Date(floorTo(now, quarterMs).getTime() + quarterMs);
  switch (period) {
    case "TODAY":
      return { from: startOfDay(now, zone), to };
    case "YESTERDAY":
      return { from: startOfDay(now, zone, -1), to: startOfDay(now, zone) };
    case "LAST_24_HOURS":
      return { from: floorTo(daysBefore(now, 1), quarterMs), to };
    case "LAST_7_DAYS":
      return { from: startOfDay(now, zone, -6), to };
    case "LAST_30_DAYS":
      return { from: startOfDay(now, zone, -29), to };
  }
}
