import { type EntityKey, entityKey } from "../protocol/ids.ts";
import type { ChatMessagePayload, ChatRunPayload } from "../protocol/payloads.ts";
import type { ConversationState } from "./state.ts";

/** A place where a conversation goes on in several ways, as the card at that place shows it. */
export interface Fork {
  /** What a choice is kept under. */
  readonly at: string;
  readonly index: number;
  readonly options: readonly string[];
}

/** Which way a screen goes at a fork: the id of a prompt or of a run, by the fork's `at`. */
export type Choices = ReadonlyMap<string, string>;

/** One turn's entries: a run's own, without the prompt that it answers. */
export interface Turn {
  readonly id: string;
  readonly created: number;
  readonly keys: EntityKey[];
  line: EntityKey | null;
}

interface Prompt {
  readonly id: string;
  readonly key: EntityKey | null;
  readonly created: number;
  readonly runs: string[];
  /** The fork that it is an option of: after which run. */
  slot: string;
}

export interface Path {
  /** In order of the screen; a prompt's key alone, or a turn. */
  readonly steps: readonly (EntityKey | Turn)[];
  readonly forks: ReadonlyMap<EntityKey, Fork>;
  /** The last message of the way. */
  readonly leaf: string | null;
  /** Whether a prompt that names no place would go on from here: every fork shows its newest side. */
  readonly isNewest: boolean;
}

/** The runs and messages of a conversation as a tree, by the rules that the server follows (RN10, RN14). */
interface Tree {
  readonly state: ConversationState;
  readonly turns: ReadonlyMap<string, Turn>;
  readonly prompts: Map<string, Prompt>;
  readonly slots: Map<string, Prompt[]>;
  /** When something was begun last at a prompt or below it. */
  readonly latest: Map<string, number>;
  /** Runs that wait, and runs that never began. */
  readonly aside: Map<string, "waiting" | "dropped">;
  readonly strays: Turn[];
}

function messageOf(tree: Tree, id: string): ChatMessagePayload | undefined {
  return tree.state.entities.get(entityKey("ChatMessage", id))?.payload;
}

function begunAt({ state, turns }: Tree, runId: string): number {
  return state.entities.get(entityKey("ChatRun", runId))?.created ?? turns.get(runId)?.created ?? 0;
}

function activityOf({ latest }: Tree, promptId: string): number {
  return latest.get(promptId) ?? 0;
}

function activityIn(tree: Tree, runId: string): number {
  const below = tree.slots.get(runId) ?? [];
  return Math.max(begunAt(tree, runId), ...below.map((prompt) => activityOf(tree, prompt.id)));
}

/** The prompt that a turn answers; null for what is no turn. */
function promptOf({ state }: Tree, turn: Turn, run: ChatRunPayload | undefined): string | null {
  if (run?.messageId) return run.messageId;
  for (const key of turn.keys) {
    const entity = state.entities.get(key);
    if (entity?.kind !== "ChatMessage") continue;
    const { role, parentMessageId } = entity.payload as ChatMessagePayload;
    if (role === "user") return entity.id;
    if (parentMessageId) return parentMessageId;
  }
  return null;
}

function placeTurn(tree: Tree, turn: Turn): void {
  const { entities } = tree.state;
  const run = entities.get(entityKey("ChatRun", turn.id))?.payload as ChatRunPayload | undefined;
  const id = promptOf(tree, turn, run);
  if (id === null) {
    tree.strays.push(turn);
    return;
  }
  const key = entityKey("ChatMessage", id);
  const held = entities.get(key);
  const created = held?.created ?? turn.created;
  const prompt = tree.prompts.get(id) ?? { id, key: held ? key : null, created, runs: [], slot: "" };
  tree.prompts.set(id, prompt);
  prompt.runs.push(turn.id);
  if (run?.status === "queued") tree.aside.set(turn.id, "waiting");
  else if (run && !run.startedAtMs && run.endedAtMs) tree.aside.set(turn.id, "dropped");
}

/** After which run a prompt comes; what is no held run begins a way of its own. */
function slotOf(tree: Tree, prompt: Prompt): string {
  if (prompt.key === null) return `?${prompt.id}`;
  const parentId = messageOf(tree, prompt.id)?.parentMessageId ?? "";
  const followed = tree.prompts.get(parentId);
  if (!followed) return messageOf(tree, parentId)?.runId ?? (parentId && `?${parentId}`);
  const begun = followed.runs.filter((run) => begunAt(tree, run) < prompt.created);
  return begun.at(-1) ?? followed.runs[0] ?? "";
}

function growTree(state: ConversationState, turns: ReadonlyMap<string, Turn>): Tree {
  const maps = { prompts: new Map(), slots: new Map(), latest: new Map(), aside: new Map() };
  const tree: Tree = { state, turns, strays: [], ...maps };
  for (const turn of turns.values()) placeTurn(tree, turn);
  const prompts = [...tree.prompts.values()].sort((a, b) => a.created - b.created);
  for (const { runs } of prompts) runs.sort((a, b) => begunAt(tree, a) - begunAt(tree, b));
  for (const prompt of prompts) {
    prompt.slot = slotOf(tree, prompt);
    tree.slots.set(prompt.slot, [...(tree.slots.get(prompt.slot) ?? []), prompt]);
  }
  for (const { id, created, runs } of prompts.reverse())
    tree.latest.set(id, Math.max(created, ...runs.map((run) => activityIn(tree, run))));
  return tree;
}

/**
 * The way through a conversation that one screen shows: at each fork what was chosen there, else the side where something
 * was begun last. Prompts that wait stand at the end, in the order of the line; one that was dropped stays where it was.
 */
export function findPath(state: ConversationState, turns: ReadonlyMap<string, Turn>, choices: Choices): Path {
  const tree = growTree(state, turns);
  const steps: (EntityKey | Turn)[] = [];
  const forks = new Map<EntityKey, Fork>();
  let leaf: string | null = null;
  let isNewest = true;

  const choose = (at: string, ids: readonly string[], activity: (tree: Tree, id: string) => number) => {
    const newest = [...ids].sort((a, b) => activity(tree, a) - activity(tree, b)).at(-1);
    const chosen = choices.get(at);
    if (chosen === undefined || chosen === newest || !ids.includes(chosen)) return newest;
    isNewest = false;
    return chosen;
  };
  const mark = (key: EntityKey | null, at: string, options: readonly string[], id: string) => {
    if (key && options.length > 1) forks.set(key, { at, options, index: options.indexOf(id) });
  };
  const show = (key: EntityKey | null, turn: Turn | undefined) => {
    if (key) steps.push(key);
    if (turn) steps.push(turn);
  };

  for (const root of tree.slots.keys()) {
    let slot: string | undefined = turns.has(root) ? undefined : root;
    while (slot !== undefined) {
      const here: string = slot;
      const all = tree.slots.get(here) ?? [];
      for (const { key, runs } of all)
        if (runs.every((run) => tree.aside.get(run) === "dropped")) show(key, turns.get(runs[0] ?? ""));
      const options = all.filter((each) => each.runs.some((run) => !tree.aside.has(run))).map((each) => each.id);
      const prompt = tree.prompts.get(choose(here, options, activityOf) ?? "");
      if (!prompt) break;
      const runs = prompt.runs.filter((run) => !tree.aside.has(run));
      const at = `prompt ${prompt.id}`;
      slot = choose(at, runs, activityIn);
      const turn = turns.get(slot ?? "");
      const answer = turn && lastAnswer(state, turn);
      show(prompt.key, turn);
      mark(prompt.key, here, options, prompt.id);
      mark(answer ?? turn?.line ?? null, at, runs, slot ?? "");
      leaf = (answer && state.entities.get(answer)?.id) ?? prompt.id;
    }
  }
  const position = (run: Turn) => Number(state.entities.get(run.line ?? "")?.payload.queuePosition ?? 0);
  const waiting = [...turns.values()].filter(({ id }) => tree.aside.get(id) === "waiting");
  // The prompt of one that is answered again is on the screen already.
  for (const turn of waiting.sort((a, b) => position(a) - position(b))) show(null, turn);
  return { steps: withStrays(state, steps, tree.strays), forks, leaf, isNewest };
}

/** What belongs to no turn stands where it was made. */
function withStrays(
  { entities }: ConversationState,
  steps: readonly (EntityKey | Turn)[],
  strays: readonly Turn[],
): readonly (EntityKey | Turn)[] {
  const left = [...strays];
  const all: (EntityKey | Turn)[] = [];
  for (const step of steps) {
    const created = typeof step === "string" ? (entities.get(step)?.created ?? 0) : step.created;
    while (left[0] && left[0].created < created) all.push(...left.splice(0, 1));
    all.push(step);
  }
  return [...all, ...left];
}

function lastAnswer({ entities }: ConversationState, { keys }: Turn): EntityKey | undefined {
  return keys.findLast((key) => entities.get(key)?.payload.role === "assistant");
}
