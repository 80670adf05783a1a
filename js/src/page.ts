/** The page: one chat that fills the window, served by our own server. */
import { signal } from "@preact/signals";
import { newCommandId } from "./client/commandId.ts";
import { sessionKeep } from "./client/keep.ts";
import { browserPorts, clientOf } from "./client/pageGlobal.ts";
import { findPageServer } from "./connection/server.ts";
import * as markdown from "./markdown/markdown.ts";
import { isConversationId } from "./protocol/ids.ts";
import { mountChat } from "./ui/mount.tsx";

const address = new URL(location.href);
const conversation = takeConversation(address);
const server = findPageServer(document, takeToken(address));
if (address.href !== location.href) history.replaceState(null, "", address);

// Loaded once for the whole page, so everything comes in one file.
const client = clientOf(server, { ...browserPorts(server), loadMarkdown: async () => markdown });
mountChat(pageRoot(), client, {
  conversation: signal(conversation),
  profile: signal(address.searchParams.get("profile") ?? ""),
  placeholder: signal(""),
  height: signal(null),
});

/** The conversation is part of the address, so that a reload shows the same one. */
function takeConversation(from: URL): string {
  const asked = from.searchParams.get("conv_id") ?? "";
  if (isConversationId(asked)) return asked;
  const made = newCommandId();
  from.searchParams.set("conv_id", made);
  return made;
}

/** The token leaves the address, where it would be copied and logged, and stays with this tab. */
function takeToken(from: URL): string {
  const given = from.searchParams.get("token");
  if (given === null) return sessionKeep.read("token") ?? "";
  from.searchParams.delete("token");
  sessionKeep.write("token", given);
  return given;
}

function pageRoot(): HTMLElement {
  const found = document.getElementById("webchat");
  const root = found ?? document.body.appendChild(document.createElement("main"));
  document.body.style.margin = "0";
  root.style.height = "100dvh";
  return root;
}
