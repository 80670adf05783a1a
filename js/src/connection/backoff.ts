const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 20_000;

/** Full jitter (FR9): anything up to 0.25 s before the first retry, up to 20 s in the end. `attempt` counts from 0. */
export function backoffMs(attempt: number, random: () => number): number {
  return random() * Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt, 16));
}

/** How often a server without our extension is asked again. */
export const ABSENT_RETRY_MS = MAX_DELAY_MS;
