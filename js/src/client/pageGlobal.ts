import { getJson, probeServer } from "../connection/http.ts";
import { watchNetwork } from "../connection/network.ts";
import { realClock } from "../connection/ports.ts";
import { type Server, websocketUrl } from "../connection/server.ts";
import { openWebSocket } from "../connection/webSocket.ts";
import { Client, type ClientPorts } from "./client.ts";
import { sessionKeep } from "./keep.ts";

declare const __WEBCHAT_VERSION__: string;

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

function browserPorts(server: Server): ClientPorts {
  return {
    openSocket: (listener) => openWebSocket(websocketUrl(server, location.host), listener),
    probe: () => probeServer(server),
    getJson: (path) => getJson(server, path),
    watchNetwork: (listener) => watchNetwork(window, listener),
    clock: realClock,
    random: Math.random,
    keep: sessionKeep,
  };
}
