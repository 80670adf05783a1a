import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Client } from "../client/client.ts";
import type { Conversation, Problem } from "../client/conversation.ts";
import type { PendingCommand } from "../client/outbox.ts";
import { type ScreenState, screenState } from "../client/screenState.ts";
import type { LinkStatus } from "../connection/connection.ts";
import type { MarkdownState } from "../markdown/port.ts";
import type { Entity } from "../protocol/frames.ts";
import { type EntityKey, entityKey } from "../protocol/ids.ts";
import type { ChatMessagePayload } from "../protocol/payloads.ts";
import type { CardHost } from "../renderers/card/context.ts";
import type { Choices, Fork } from "../store/branches.ts";
import { activeRunId, present, promptOfRun } from "../store/presentation.ts";
import { type ConversationState, emptyConversation } from "../store/state.ts";
import { AskModel } from "./AskModel.ts";
import { FrameScheduler } from "./frameScheduler.ts";
import { SignalTable } from "./SignalTable.ts";
import { type Group, regroup } from "./timeline/groups.ts";

/** An earlier prompt that is being written anew. */
export interface Edit {
  readonly key: EntityKey;
  readonly parent: string;
  /** What was in the composer before. */
  readonly draft: string;
}

/**
 * One view of one conversation: turns its changes into signals, at most once per drawn frame.
 * Signals belong to the view, not to the shared conversation: each copy of this bundle has its own signal library.
 */
export class ChatModel implements CardHost {
  readonly screen = signal<ScreenState>("connecting");
  readonly isLive = computed(() => this.screen.value === "live");
  readonly link: Signal<LinkStatus>;
  readonly groups = signal<readonly Group[]>([]);
  readonly activeRun = signal<string | null>(null);
  readonly isStopping = signal(false);
  readonly isStreaming = signal(false);
  readonly isHydrated = signal(false);
  readonly hasMore = signal(false);
  readonly isLoadingOlder = signal(false);
  readonly pending = signal<readonly PendingCommand[]>([]);
  readonly problem = signal<Problem | null>(null);
  readonly draft: Signal<string>;
  readonly editing = signal<Edit | null>(null);
  readonly maxPromptChars = signal<number | null>(null);
  readonly markdown: Signal<MarkdownState>;
  readonly asks: AskModel;
  readonly profileTitles = signal<ReadonlyMap<string, string>>(new Map());

  private conversation: Conversation | null = null;
  private unsubscribe: () => void = () => {};
  private shown: ConversationState;
  private readonly entities = new Map<EntityKey, Signal<Entity | undefined>>();
  private readonly forks = new SignalTable<Fork>(isSameFork);
  /** This screen's own; never told to the server. */
  private choices: Choices = new Map();
  private parent: string | null = null;
  private readonly scheduler = new FrameScheduler(() => this.refresh());

  constructor(
    private readonly client: Client,
    readonly convId: string,
    readonly profile: ReadonlySignal<string>,
  ) {
    this.shown = emptyConversation(convId);
    this.link = signal(client.link);
    this.markdown = signal(client.markdown);
    this.draft = signal(client.drafts.get(convId));
    this.asks = new AskModel(client);
  }

  /** Begins to follow the conversation; harmless when it already does. */
  attach(): void {
    if (this.conversation) return;
    this.conversation = this.client.open(this.convId);
    this.unsubscribe = this.conversation.subscribe(() => this.scheduler.request());
    this.refresh();
  }

  /** Lets go of the conversation; what is shown stays as it is. */
  detach(): void {
    this.scheduler.stop();
    this.unsubscribe();
    if (this.conversation) this.client.close(this.conversation);
    this.conversation = null;
    this.asks.follow(null);
  }

  entity(key: EntityKey): ReadonlySignal<Entity | undefined> {
    const known = this.entities.get(key) ?? signal(this.shown.entities.get(key));
    this.entities.set(key, known);
    return known;
  }

  promptOf(runId: string): string | null {
    return promptOfRun(this.shown, runId);
  }

  forkOf(key: EntityKey): ReadonlySignal<Fork | undefined> {
    return this.forks.of(key);
  }

  choose(at: string, option: string): void {
    this.choices = new Map([...this.choices, [at, option]]);
    batch(() => this.arrange(this.shown));
  }

  submit(prompt: string): void {
    this.conversation?.submit(prompt, this.profile.value, this.parent);
  }

  edit(prompt: Entity): void {
    const { content = "", parentMessageId = "" } = prompt.payload as ChatMessagePayload;
    const draft = this.editing.value?.draft ?? this.draft.value;
    this.editing.value = { key: entityKey(prompt.kind, prompt.id), parent: parentMessageId, draft };
    this.type(content);
  }

  cancelEdit(): void {
    const edit = this.editing.value;
    this.editing.value = null;
    if (edit) this.type(edit.draft);
  }

  regenerate(answer: Entity): void {
    this.forgetChoice(`prompt ${(answer.payload as ChatMessagePayload).parentMessageId}`);
    this.conversation?.regenerate(answer.id, this.profile.value);
  }

  judge(answerId: string, value: "up" | "down" | "none"): void {
    this.conversation?.judge(answerId, value);
  }

  /** Sends what is in the composer. */
  submitDraft(): void {
    const { draft, editing, conversation } = this;
    const prompt = draft.value;
    const edit = editing.value;
    if (!conversation) return;
    editing.value = null;
    this.type(edit?.draft ?? "");
    if (!edit) {
      this.submit(prompt);
      return;
    }
    this.forgetChoice(this.forkOf(edit.key).value?.at);
    conversation.submit(prompt, this.profile.value, edit.parent);
  }

  attachment(attachmentId: string): Promise<Blob> {
    return this.client.fetchAttachment(this.convId, attachmentId);
  }

  cancel(runId: string): void {
    this.conversation?.cancel(runId);
  }

  stop(): void {
    this.conversation?.cancel(this.activeRun.value);
  }

  type(text: string): void {
    this.draft.value = text;
    this.client.drafts.set(this.convId, text);
    // Another view of the conversation shows the same draft.
    this.conversation?.notify();
  }

  reconnect(): void {
    const isRefused = this.problem.value?.isFinal === true;
    this.dismiss();
    if (isRefused && this.client.isReady()) this.conversation?.follow();
    else this.client.reconnect();
  }

  dismiss(): void {
    this.conversation?.tellProblem(null);
  }

  loadOlder(): void {
    void this.conversation?.loadOlder();
  }

  private refresh(): void {
    const { conversation, client } = this;
    if (!conversation) return;
    batch(() => {
      this.showTimeline(conversation.state);
      this.screen.value = screenState(client, conversation);
      this.link.value = client.link;
      this.markdown.value = client.markdown;
      this.problem.value = conversation.problem;
      this.pending.value = conversation.pending();
      this.asks.follow(conversation);
      this.isLoadingOlder.value = conversation.isLoadingOlder;
      this.isHydrated.value ||= conversation.wasEverLive;
      this.isStopping.value = conversation.stopping.has(this.activeRun.value ?? "");
      this.draft.value = client.drafts.get(this.convId);
      this.maxPromptChars.value = client.limits.maxPromptChars ?? null;
      this.profileTitles.value = client.profileTitles;
    });
  }

  private showTimeline(state: ConversationState): void {
    const before = this.shown;
    if (state === before) return;
    this.shown = state;
    const changed = state.entities.changedKeys(before.entities);
    for (const key of changed) {
      const known = this.entities.get(key);
      if (known) known.value = state.entities.get(key);
    }
    const isMoved = (key: EntityKey) => placeOf(before.entities.get(key)) !== placeOf(state.entities.get(key));
    if (state.order !== before.order || changed.some(isMoved)) {
      this.arrange(state);
      for (const key of this.entities.keys()) if (!state.entities.get(key)) this.forget(key);
    }
    if (changed.some((key) => key.startsWith("ChatRun\n"))) this.activeRun.value = activeRunId(state);
    this.isStreaming.value = this.activeRun.value !== null;
    this.hasMore.value = state.hasMore;
  }

  private arrange(state: ConversationState): void {
    const { keys, asks, forks, parent } = present(state, this.choices);
    this.groups.value = regroup(this.groups.value, keys);
    this.parent = parent;
    this.forks.show(forks);
    this.asks.arrange(asks);
  }

  /** What comes of the next step is shown when it is there. */
  private forgetChoice(at: string | undefined): void {
    if (at !== undefined) this.choices = new Map([...this.choices].filter(([each]) => each !== at));
  }

  /** Drops the signal of an entity that is gone; one that a card waits for is made anew when asked for. */
  private forget(key: EntityKey): void {
    if (!key.startsWith("ChatToolResult\n") && !key.startsWith("ChatFeedback\n")) this.entities.delete(key);
    this.forks.forget(key);
  }
}

/** What says where an entity is shown, beside when it was made. */
function placeOf(entity: Entity | undefined): string {
  const { runId, parentMessageId, queuePosition, status } = entity?.payload ?? {};
  return `${runId} ${parentMessageId} ${queuePosition} ${entity?.kind === "ChatRun" && status}`;
}

function isSameFork(one: Fork | undefined, other: Fork | undefined): boolean {
  return one?.at === other?.at && one?.index === other?.index && one?.options.join() === other?.options.join();
}
