/** Position of an event in its conversation: 1, 2, 3, …; on the wire a decimal string below 2^53. */
export type Ordinal = number;

/** (epoch, ordinal): everything up to here was applied. */
export interface Cursor {
  readonly epoch: string;
  readonly seq: Ordinal;
}

/** Names one entity of a conversation: kind and id together. */
export type EntityKey = string;

/** No kind and no id contains a line feed, so the pair can be read back and two pairs never collide. */
export function entityKey(kind: string, id: string): EntityKey {
  return `${kind}\n${id}`;
}

const CONVERSATION_ID = /^[A-Za-z0-9._:-]{1,128}$/;

/** Whether the server would take this as a conversation id. */
export function isConversationId(text: string): boolean {
  return CONVERSATION_ID.test(text);
}
