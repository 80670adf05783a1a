/** Close codes after which a client must not come back by itself (FR11). */
const FINAL_CODES: ReadonlySet<number> = new Set([4500, 4501, 4503, 4504]);

/** Whether a socket closed with this code stays closed until the user asks. */
export function isFinalClose(code: number): boolean {
  return FINAL_CODES.has(code);
}
