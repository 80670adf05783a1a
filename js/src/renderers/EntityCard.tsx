import { useContext } from "preact/hooks";
import type { EntityKey } from "../protocol/ids.ts";
import { CardContext } from "./card/context.ts";
import { ErrorBoundary } from "./card/ErrorBoundary.tsx";
import { FailedCard } from "./fallback/FailedCard.tsx";
import { builtinRenderers, type RendererRegistry, rendererOf } from "./registry.ts";

interface EntityCardProps {
  readonly name: EntityKey;
  readonly renderers?: RendererRegistry;
}

/** One entity on the timeline. Listens to its own entity alone: a new token redraws one card. */
export function EntityCard({ name, renderers = builtinRenderers }: EntityCardProps) {
  const entity = useContext(CardContext)?.entity(name).value;
  if (!entity) return null;
  const Renderer = rendererOf(renderers, entity.kind);
  return (
    <ErrorBoundary attempt={entity} fallback={(error) => <FailedCard entity={entity} error={error} />}>
      <Renderer entity={entity} />
    </ErrorBoundary>
  );
}
