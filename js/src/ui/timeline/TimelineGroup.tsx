import { Component, createRef } from "preact";
import { EntityCard } from "../../renderers/EntityCard.tsx";
import type { Group } from "./groups.ts";

interface GroupProps {
  readonly group: Group;
  /** Filled from the start; otherwise when it comes near the view. */
  readonly isEager: boolean;
}

interface GroupState {
  readonly isFilled: boolean;
}

/** A guess, until the group is filled and measured. */
const ENTRY_HEIGHT_PX = 72;

/** Up to a hundred neighbours. Far away it is an empty box: ten thousand entries are then two hundred boxes (G7). */
export class TimelineGroup extends Component<GroupProps, GroupState> {
  override state: GroupState = { isFilled: this.props.isEager || typeof IntersectionObserver === "undefined" };

  private readonly box = createRef<HTMLDivElement>();
  private observer: IntersectionObserver | null = null;

  override shouldComponentUpdate(next: GroupProps, nextState: GroupState): boolean {
    return next.group !== this.props.group || nextState.isFilled !== this.state.isFilled;
  }

  override componentDidMount(): void {
    if (this.state.isFilled || !this.box.current) return;
    const onNear = (entries: IntersectionObserverEntry[]) => {
      if (entries.some((entry) => entry.isIntersecting)) this.fill();
    };
    const root = this.box.current.closest("[data-webchat=timeline]");
    this.observer = new IntersectionObserver(onNear, { root, rootMargin: "600px 0px" });
    this.observer.observe(this.box.current);
  }

  override componentWillUnmount(): void {
    this.observer?.disconnect();
  }

  override render({ group }: GroupProps, { isFilled }: GroupState) {
    const style = isFilled ? undefined : { height: `${group.keys.length * ENTRY_HEIGHT_PX}px` };
    return (
      <div class="wcn-group" ref={this.box} style={style}>
        {isFilled && group.keys.map((key) => <EntityCard key={key} name={key} />)}
      </div>
    );
  }

  private fill(): void {
    this.observer?.disconnect();
    this.setState({ isFilled: true });
  }
}
