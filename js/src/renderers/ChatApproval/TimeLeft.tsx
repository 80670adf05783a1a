import { useContext, useEffect, useState } from "preact/hooks";
import { strings } from "../../strings/strings.ts";
import { CardContext } from "../card/context.ts";

const SECOND_MS = 1_000;
/** With more time than this, the time of day says more than a countdown. */
const COUNTDOWN_MS = 60 * 60 * SECOND_MS;

/** How long a question still stands. The server alone says that it is over. */
export function TimeLeft({ expiresAtMs }: { readonly expiresAtMs: number }) {
  const asks = useContext(CardContext)?.asks;
  const [leftMs, setLeftMs] = useState(asks?.msUntil(expiresAtMs) ?? 0);
  useEffect(() => {
    if (!asks) return;
    let cancel = () => {};
    const tick = () => {
      const nowMs = asks.msUntil(expiresAtMs);
      setLeftMs(nowMs);
      // When the next second begins, so that none is left out.
      if (nowMs > 0) cancel = asks.after((nowMs % SECOND_MS) + 1, tick);
    };
    tick();
    return () => cancel();
  }, [asks, expiresAtMs]);
  return (
    <span class="wcn-dim wcn-time-left" role="timer">
      {wordsOf(leftMs, expiresAtMs)}
    </span>
  );
}

function wordsOf(leftMs: number, expiresAtMs: number): string {
  if (leftMs > COUNTDOWN_MS) return strings.decidedUntil(new Date(expiresAtMs).toLocaleString());
  const seconds = Math.max(0, Math.ceil(leftMs / SECOND_MS));
  return strings.timeLeft(`${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);
}
