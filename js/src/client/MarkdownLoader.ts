import type { MarkdownModule, MarkdownState } from "../markdown/port.ts";

/** Brings the module that reads Markdown (MG7): asked with each connection until it is here. */
export class MarkdownLoader {
  state: MarkdownState = "loading";

  private isAsking = false;

  constructor(
    private readonly load: () => Promise<unknown>,
    private readonly onChange: () => void,
  ) {}

  /** Asks for it, unless it is here or on its way. */
  async ask(): Promise<void> {
    if (this.isAsking || typeof this.state === "object") return;
    this.isAsking = true;
    this.state = await this.load().then(fitting, () => "missing" as const);
    this.isAsking = false;
    this.onChange();
  }
}

/** That of another version may not fit; text is then shown as it was written. */
function fitting(module: unknown): MarkdownState {
  const found = module as Partial<MarkdownModule> | null;
  return typeof found?.newBlocks === "function" ? (found as MarkdownModule) : "missing";
}
