import { useContext, useEffect, useState } from "preact/hooks";
import type { Delivery } from "../../protocol/clientFrames.ts";
import { strings } from "../../strings/strings.ts";
import { CardContext } from "../card/context.ts";

const QUICK_MS = 300;

/** How this page's word about an approval or a call is doing. */
export function useDelivery(subject: string): { readonly delivery: Delivery | undefined; readonly isBusy: boolean } {
  const delivery = useContext(CardContext)?.asks.delivery(subject).value;
  // What was taken is shown when the timeline has it; until then nothing can be said again.
  return { delivery, isBusy: delivery === "sending" || delivery === "taken" };
}

/** Says that it is on its way, after a moment: what is quick moves nothing. */
export function Sending() {
  const host = useContext(CardContext);
  const [isSlow, setSlow] = useState(false);
  useEffect(() => host?.asks.after(QUICK_MS, () => setSlow(true)), [host]);
  if (!host || !isSlow) return null;
  return <span class="wcn-dim wcn-late">{host.isLive.value ? strings.sending : strings.willSend}</span>;
}

/** Says why it was refused. */
export function Refused({ subject }: { readonly subject: string }) {
  const { delivery } = useDelivery(subject);
  if (typeof delivery !== "object") return null;
  const { code, message } = delivery;
  return (
    <div class="wcn-error-text" role="alert">
      {strings.refusals.get(code) ?? (message || strings.notAccepted)}
    </div>
  );
}
