import type { Entity } from "../../protocol/frames.ts";
import { strings } from "../../strings/strings.ts";
import { Card } from "../card/Card.tsx";

/** Stands in for a card whose renderer threw. */
export function FailedCard({ entity, error }: { readonly entity: Entity; readonly error: Error }) {
  return (
    <Card entity={entity} class="wcn-plain wcn-failed">
      <span class="wcn-plain-title">{strings.cardFailed}</span>
      <span class="wcn-dim">
        {entity.kind}: {error.message}
      </span>
    </Card>
  );
}
