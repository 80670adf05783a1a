/** The anywidget module: one chat in a notebook's output. */
import type { AnyModel, Initialize, Render } from "@anywidget/types";
import { signal } from "@preact/signals";
import { clientOf } from "./client/pageGlobal.ts";
import { findJupyterServer } from "./connection/server.ts";
import { type ChatOptions, mountChat } from "./ui/mount.tsx";

/** The synced traits. No word of the conversation and no token is ever among them (MG4). */
interface Traits {
  conversation: string;
  profile: string;
  height: number;
  placeholder: string;
  /** The kernel that the widget was made in. */
  _kernel: string;
  /** anywidget's own: the style sheet, which it puts in the document's head only. */
  _css: string;
}

const DEFAULT_HEIGHT_PX = 460;

/** Runs before anybody trusts the notebook: touches nothing and asks nobody. */
const initialize: Initialize<Traits> = () => {};

const render: Render<Traits> = ({ model, el, ...rest }) => {
  const { options, stopFollowing } = followTraits(model);
  const server = findJupyterServer(document);
  const client = server && clientOf(server);
  const unmount = mountChat(el, client, options);
  const kernel = model.get("_kernel");
  if (client && kernel) client.bindKernel(model.get("conversation"), kernel);
  const dispose = () => {
    stopFollowing();
    unmount();
  };
  // Newer hosts end a view by a signal, older ones by calling what `render` returned.
  (rest as { signal?: AbortSignal }).signal?.addEventListener("abort", dispose, { once: true });
  return dispose;
};

function followTraits(model: AnyModel<Traits>): { options: ChatOptions; stopFollowing: () => void } {
  const options: ChatOptions = {
    conversation: signal(""),
    profile: signal(""),
    placeholder: signal(""),
    height: signal(DEFAULT_HEIGHT_PX),
    css: model.get("_css"),
  };
  const read = () => {
    options.conversation.value = model.get("conversation") ?? "";
    options.profile.value = model.get("profile") ?? "";
    options.placeholder.value = model.get("placeholder") ?? "";
    options.height.value = model.get("height") || DEFAULT_HEIGHT_PX;
  };
  const names = ["conversation", "profile", "placeholder", "height"] as const;
  for (const name of names) model.on(`change:${name}`, read);
  read();
  return {
    options,
    stopFollowing: () => {
      for (const name of names) model.off(`change:${name}`, read);
    },
  };
}

export default { initialize, render };
