/** A small memory that outlives a reload of this tab, and nothing else; never the notebook file (MG4). */
export interface Keep {
  read(name: string): string | null;
  /** Null forgets. */
  write(name: string, text: string | null): void;
}

const PREFIX = "webchat_nb:";

/** The tab's session storage; without it (blocked, full) nothing is kept and nothing fails. */
export const sessionKeep: Keep = {
  read: (name) => {
    try {
      return sessionStorage.getItem(PREFIX + name);
    } catch {
      return null;
    }
  },
  write: (name, text) => {
    try {
      if (text === null || text === "") sessionStorage.removeItem(PREFIX + name);
      else sessionStorage.setItem(PREFIX + name, text);
    } catch {
      // Kept in memory by the caller anyway.
    }
  },
};
