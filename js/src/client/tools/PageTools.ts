import { type Command, commandFrame } from "../../protocol/clientFrames.ts";
import type { AckFrame, NackFrame } from "../../protocol/frames.ts";
import { type EntityKey, entityKey } from "../../protocol/ids.ts";
import type { ChatToolCallPayload } from "../../protocol/payloads.ts";
import type { EntityMap } from "../../store/entityMap.ts";
import { isCaughtUp } from "../../store/state.ts";
import { newCommandId } from "../commandId.ts";
import type { Conversation, ConversationHost } from "../conversation.ts";
import type { BrowserTool, ToolRegistry } from "./ToolRegistry.ts";

/** Well below the server's lease, which ends a page that says nothing any more. */
const RENEW_MS = 5 * 60_000;
const NO_TOOLS = "[]";
const KIND = entityKey("ChatToolCall", "");

interface Followed {
  readonly conversation: Conversation;
  stop: () => void;
  cancelRenewal: () => void;
  /** What was looked at last; null: everything is to be looked at anew. */
  seen: EntityMap | null;
  /** The tools that the server was told of last, as JSON, and under which id. */
  offered: string;
  offerId: string;
  /** Whether that was on this subscription: a server that was started anew knows of none. */
  isOffered: boolean;
}

/** A call that this page wants to make, makes or made; kept until it ends, so that nothing is done twice. */
interface Call {
  readonly conversation: Conversation;
  readonly callId: string;
  readonly input: string;
  readonly tool: BrowserTool;
  readonly claim: Command;
  readonly ended: AbortController;
  phase: "claiming" | "running" | "done";
}

/**
 * Makes the calls of the page's own tools (TL7): tells the server which there are, claims a call, runs it if no other
 * page has it, and gives its result. Calls are found on the timeline, like everything else.
 */
export class PageTools {
  /** Another one after a reload, so that what was begun before it is not begun again. */
  private readonly clientId = newCommandId();
  private readonly followed = new Map<Conversation, Followed>();
  private readonly calls = new Map<string, Call>();

  constructor(
    private readonly registry: ToolRegistry,
    private readonly host: ConversationHost,
  ) {
    registry.subscribe(() => this.change());
  }

  follow(conversation: Conversation): void {
    const followed: Followed = {
      conversation,
      stop: () => {},
      cancelRenewal: () => {},
      seen: null,
      offered: NO_TOOLS,
      offerId: "",
      isOffered: false,
    };
    this.followed.set(conversation, followed);
    followed.stop = conversation.subscribe(() => this.look(followed));
  }

  /** Nothing shows the conversation any more: its tools go, and what runs for it. */
  unfollow(conversation: Conversation): void {
    const followed = this.followed.get(conversation);
    if (!followed) return;
    this.followed.delete(conversation);
    followed.stop();
    followed.cancelRenewal();
    for (const [key, call] of this.calls) {
      if (call.conversation !== conversation) continue;
      const isRunning = call.phase === "running";
      this.end(key, call);
      if (isRunning) this.answer(call, "The chat was closed in the browser.", true);
    }
    if (followed.offered !== NO_TOOLS) this.tell(newCommandId(), conversation, []);
  }

  /** There is a new connection: claims that were not answered are made again. */
  resume(): void {
    for (const { phase, claim } of this.calls.values()) if (phase === "claiming") this.host.send(commandFrame(claim));
  }

  /** An answer of the server to what was no prompt of a person's. */
  answered(frame: AckFrame | NackFrame): void {
    const call = [...this.calls.values()].find(({ claim }) => claim.id === frame.id);
    if (call?.phase === "claiming") {
      const isAccepted = frame.type === "ws.ack" && frame.data.accepted === true;
      call.phase = isAccepted ? "running" : "done";
      if (isAccepted) void this.run(call);
    }
    const isOffer = [...this.followed.values()].some(({ offerId }) => offerId === frame.id);
    if (isOffer && frame.type === "ws.nack") console.warn(`webchat_nb: the page's tools: ${frame.message}`);
  }

  /** The server did not take a result of this page: the model is told so instead. False: it was none of this page. */
  refused({ convId, data }: Command, message: string): boolean {
    if (data.client_id !== this.clientId) return false;
    const result = message || "The result is too large to be sent.";
    if (data.is_error !== true) this.host.command("tool.result", convId, { ...data, result, is_error: true });
    return true;
  }

  /** Several tools that come together are told together. */
  private change(): void {
    queueMicrotask(() => {
      for (const followed of this.followed.values()) {
        followed.seen = null;
        this.look(followed);
      }
    });
  }

  private look(followed: Followed): void {
    const { state } = followed.conversation;
    if (!isCaughtUp(state) || !this.host.isReady()) {
      followed.seen = null;
      followed.isOffered = false;
      return;
    }
    const { entities } = state;
    const before = followed.seen;
    if (before === entities) return;
    followed.seen = entities;
    if (!before) this.offer(followed);
    if (followed.offered === NO_TOOLS && this.calls.size === 0) return;
    for (const key of before ? entities.changedKeys(before) : state.order) {
      if (key.startsWith(KIND)) this.see(followed.conversation, key);
    }
  }

  private offer(followed: Followed): void {
    const { conversation } = followed;
    const tools = [...this.registry.of(conversation.convId).values()].map(described);
    const offered = JSON.stringify(tools);
    if (offered === followed.offered && (followed.isOffered || offered === NO_TOOLS)) return;
    followed.offered = offered;
    followed.offerId = newCommandId();
    followed.isOffered = true;
    this.tell(followed.offerId, conversation, tools);
    followed.cancelRenewal();
    followed.cancelRenewal = this.host.clock.after(RENEW_MS, () => {
      followed.isOffered = false;
      if (followed.seen) this.offer(followed);
    });
  }

  private tell(id: string, { convId }: Conversation, tools: readonly object[]): void {
    const data = { client_id: this.clientId, tools };
    this.host.send(commandFrame({ id, name: "tool.manifest", convId, data }));
  }

  private see(conversation: Conversation, entity: EntityKey): void {
    const key = `${conversation.convId}\n${entity}`;
    const payload = conversation.state.entities.get(entity)?.payload as ChatToolCallPayload | undefined;
    const known = this.calls.get(key);
    const isForPages = payload?.place === "browser" && payload.status === "executing" && !payload.answerSchema;
    if (!isForPages && known) this.end(key, known);
    if (!isForPages || known) return;
    const { toolCallId: callId = "", toolName = "", input = "" } = payload;
    const tool = this.registry.of(conversation.convId).get(toolName);
    if (!tool?.run) return;
    const data = { tool_call_id: callId, client_id: this.clientId, claim: true };
    const claim: Command = { id: newCommandId(), name: "tool.result", convId: conversation.convId, data };
    this.calls.set(key, { conversation, callId, input, tool, claim, ended: new AbortController(), phase: "claiming" });
    this.host.send(commandFrame(claim));
  }

  private async run(call: Call): Promise<void> {
    const { callId, conversation, ended } = call;
    const context = { callId, convId: conversation.convId, signal: ended.signal };
    try {
      const input = JSON.parse(call.input || "{}") as never;
      const result = await call.tool.run?.(input, context);
      if (call.phase === "running") this.answer(call, result ?? "", false);
    } catch (error) {
      const message = error instanceof Error ? error.message || error.name : String(error);
      if (call.phase === "running") this.answer(call, message, true);
    }
    call.phase = "done";
  }

  /** Kept until the server has taken it, also over a reload. Throws when the result is nothing that JSON can hold. */
  private answer(call: Call, result: unknown, isError: boolean): void {
    const data = { tool_call_id: call.callId, client_id: this.clientId, result, ...(isError && { is_error: true }) };
    this.host.command("tool.result", call.conversation.convId, data);
  }

  /** Nobody waits for it any more. */
  private end(key: string, call: Call): void {
    this.calls.delete(key);
    if (call.phase !== "done") call.ended.abort();
    call.phase = "done";
  }
}

/** A tool as the server is told of it. */
function described({ name, description, inputSchema, answerSchema, timeoutS, approval }: BrowserTool): object {
  return { name, description, inputSchema, answerSchema, timeoutS, approval };
}
