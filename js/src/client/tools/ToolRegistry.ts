/** What a page's tool is told beside its arguments. */
export interface ToolCallContext {
  readonly callId: string;
  readonly convId: string;
  /** Aborted when nobody waits for the result any more: the answer was stopped, or the call's time is over. */
  readonly signal: AbortSignal;
}

/** A tool that a page brings along (TL7). It has `run`, or `answerSchema`: a person fills in the form instead. */
export interface BrowserTool {
  /** 1–64 of `A-Z a-z 0-9 _ -`. */
  readonly name: string;
  /** For the model. */
  readonly description: string;
  /** JSON Schema of an object: the arguments. */
  readonly inputSchema: object;
  /** What it gives is the result: text, or anything that JSON can hold. What it throws is an error result. */
  readonly run?: (input: never, call: ToolCallContext) => unknown;
  /** JSON Schema of an object: the form. */
  readonly answerSchema?: object;
  /** Only for this conversation; left out: for all that the page shows. */
  readonly conversation?: string;
  readonly timeoutS?: number;
  /** Whether a person is asked before each call. */
  readonly approval?: "never" | "always";
}

/** The page's tools. All copies of the bundle share one, also of other versions: what is here has to stay. */
export class ToolRegistry {
  private tools: readonly BrowserTool[] = [];
  private readonly listeners = new Set<() => void>();

  /**
   * Offers a tool in all conversations that the page shows, now and later. Of two with one name the newer is meant.
   *
   * Returns the way to take it back. Throws a TypeError that names the field when something is wrong with the tool.
   */
  readonly register = (tool: BrowserTool): (() => void) => {
    check(tool);
    // A copy, so that each registration can be taken back by itself and does not change later.
    const own = { ...tool };
    this.change([...this.tools, own]);
    return () => this.change(this.tools.filter((each) => each !== own));
  };

  /** The tools of a conversation, by name. */
  of(convId: string): ReadonlyMap<string, BrowserTool> {
    const meant = this.tools.filter(({ conversation }) => !conversation || conversation === convId);
    return new Map(meant.map((tool) => [tool.name, tool]));
  }

  /** Calls back after every change. Returns the way to stop. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private change(tools: readonly BrowserTool[]): void {
    this.tools = tools;
    for (const listener of [...this.listeners]) listener();
  }
}

function check(tool: BrowserTool): void {
  expect(/^[\w-]{1,64}$/.test(tool.name), "name: expected 1-64 of A-Z a-z 0-9 _ -");
  expect(typeof tool.description === "string", "description: expected text");
  expect(isObject(tool.inputSchema), "inputSchema: expected a JSON Schema object");
  expect(isObject(tool.answerSchema) !== (typeof tool.run === "function"), "expected either run or answerSchema");
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function expect(isRight: boolean, message: string): void {
  if (!isRight) throw new TypeError(`webchatNb.tools.register: ${message}`);
}
