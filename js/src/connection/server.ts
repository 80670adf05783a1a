/** Where the server of this page is, and how to prove who we are. */
export interface Server {
  /** Absolute, with a slash at its end: the mount of webchat. */
  readonly baseUrl: string;
  /** Empty when the cookie alone proves it. */
  readonly token: string;
}

const MOUNT = "webchat/";

/**
 * The Jupyter server that made this page, or null: VS Code, Colab, marimo and static pages have none.
 * JupyterLab and Notebook 7 say it in a JSON element, nbclassic on the body.
 */
export function findJupyterServer(page: Document): Server | null {
  const config = readConfig(page);
  const base = config?.baseUrl ?? page.body?.dataset.baseUrl;
  if (typeof base !== "string" || base === "") return null;
  const token = config?.token ?? page.body.dataset.jupyterApiToken;
  return { baseUrl: mountBelow(base, page), token: typeof token === "string" ? token : "" };
}

function readConfig(page: Document): Record<string, unknown> | null {
  try {
    return JSON.parse(page.getElementById("jupyter-config-data")?.textContent ?? "null");
  } catch {
    return null;
  }
}

function mountBelow(base: string, page: Document): string {
  return new URL(MOUNT, new URL(base.endsWith("/") ? base : `${base}/`, page.location.href)).href;
}

/** The server of our own page: its mount is in `<meta name="webchat-base">`, else where the page is. */
export function findPageServer(page: Document, token: string): Server {
  const base = page.querySelector<HTMLMetaElement>('meta[name="webchat-base"]')?.content ?? "./";
  const url = new URL(base.endsWith("/") ? base : `${base}/`, page.baseURI);
  return { baseUrl: url.href, token };
}

/**
 * A cookie is enough on the origin of the page. Elsewhere the token goes along, if there is one: browsers print the
 * address of a socket that fails, so it is kept out where it can be (AC7).
 */
export function websocketUrl(server: Server, pageHost: string): string {
  const url = new URL("v1/ws", server.baseUrl);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  if (server.token && url.host !== pageHost) url.searchParams.set("token", server.token);
  return url.href;
}
