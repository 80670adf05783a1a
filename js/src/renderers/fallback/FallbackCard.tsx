import type { Entity } from "../../protocol/frames.ts";
import { strings } from "../../strings/strings.ts";
import { Card } from "../card/Card.tsx";

/** Shows an entity of a kind that nobody registered a renderer for: its name and its data (MG3). */
export function FallbackCard({ entity }: { readonly entity: Entity }) {
  const { title } = entity.payload;
  return (
    <Card entity={entity} class="wcn-plain">
      <span class="wcn-plain-title">
        {typeof title === "string" && title ? title : strings.unknownKind(entity.kind)}
      </span>
      <span class="wcn-dim">{strings.unknownKindNote}</span>
      <details>
        <summary>{strings.showData}</summary>
        <pre>{JSON.stringify(entity.payload, null, 2)}</pre>
      </details>
    </Card>
  );
}
