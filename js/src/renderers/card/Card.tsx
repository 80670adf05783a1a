import type { ComponentChildren } from "preact";
import type { Entity } from "../../protocol/frames.ts";

interface CardProps {
  readonly entity: Entity;
  /** Further handles of the kind: `data-role`, `data-status`, … */
  readonly handles?: Readonly<Record<`data-${string}`, string | undefined>>;
  readonly class: string;
  readonly label?: string;
  readonly children?: ComponentChildren;
}

/** The root element of every entity, with the handles that tests and themes rely on (MG6). */
export function Card({ entity, handles, class: name, label, children }: CardProps) {
  const role = label ? ({ role: "group", "aria-label": label } as const) : {};
  return (
    <div class={`wcn-card ${name}`} data-kind={entity.kind} data-entity-id={entity.id} {...handles} {...role}>
      {children}
    </div>
  );
}
