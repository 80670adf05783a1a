import { Component, type ComponentChildren } from "preact";

interface Props {
  /** A new value gives the children another chance: the entity has changed. */
  readonly attempt: unknown;
  readonly fallback: (error: Error) => ComponentChildren;
  readonly children: ComponentChildren;
}

interface State {
  readonly error: Error | null;
}

/** Keeps an error of one renderer in its card (MG3). */
export class ErrorBoundary extends Component<Props, State> {
  override state: State = { error: null };

  static override getDerivedStateFromError(error: unknown): State {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override componentDidUpdate(before: Props): void {
    if (this.state.error && before.attempt !== this.props.attempt) this.setState({ error: null });
  }

  override render() {
    return this.state.error ? this.props.fallback(this.state.error) : this.props.children;
  }
}
