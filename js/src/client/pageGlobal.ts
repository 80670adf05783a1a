import { getBlob, getJson, importModule, probeServer } from "../connection/http.ts";
import { watchNetwork } from "../connection/network.ts";
import { realClock } from "../connection/ports.ts";
import { type Server, websocketUrl } from "../connection/server.ts";
import { openWebSocket } from "../connection/webSocket.ts";
import { Client, type ClientPorts } from "./client.ts";
import { sessionKeep } from "./keep.ts";
import { ToolRegistry } from "./tools/ToolRegistry.ts";

declare const __WEBCHAT_VERSION__: string;
/** Digest of the `markdown.js` that was built with this: the address says which one is meant, so that it can be kept. */
declare const __MARKDOWN_DIGEST__: string;

const KEY = Symbol.for("webchat_nb");

type PageGlobal = Map<string, Client>;

/**
 * The client of a server on this page, made at the first call.
 *
 * Each widget is its own copy of this module, so module variables are not shared; a global symbol is. Copies of another
 * version get a client of their own: their classes need not fit ours.
 */
export function clientOf(server: Server, ports: ClientPorts = browserPorts(server)): Client {
  const page = globalThis as { [KEY]?: PageGlobal };
  page[KEY] ??= new Map();
  const name = `${__WEBCHAT_VERSION__} ${server.baseUrl}`;
  const client = page[KEY].get(name) ?? new Client(ports, server.baseUrl);
  page[KEY].set(name, client);
  return client;
}

/** The browser's own means. */
export function browserPorts(server: Server): ClientPorts {
  return {
    openSocket: (listener) => openWebSocket(websocketUrl(server, location.host), listener),
    probe: () => probeServer(server),
    getJson: (path) => getJson(server, path),
    getBlob: (path) => getBlob(server, path),
    loadMarkdown: () => importModule(server, `static/markdown.js?v=${__MARKDOWN_DIGEST__}`),
    watchNetwork: (listener) => watchNetwork(window, listener),
    clock: realClock,
    random: Math.random,
    keep: sessionKeep,
    tools: toolsOfPage(),
  };
}

/** What scripts of the page know as `webchatNb.tools`; the event is for those that ran before. */
function toolsOfPage(): ToolRegistry {
  const page = globalThis as { webchatNb?: { readonly tools: ToolRegistry } };
  if (!page.webchatNb) {
    page.webchatNb = { tools: new ToolRegistry() };
    dispatchEvent(new Event("webchatnb"));
  }
  return page.webchatNb.tools;
}
