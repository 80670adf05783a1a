import type { ProbeResult } from "./ports.ts";
import type { Server } from "./server.ts";

const REQUEST_TIMEOUT_MS = 15_000;

/** The server answered, and not with what was asked for. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** GETs JSON below the mount. */
export async function getJson(server: Server, path: string): Promise<unknown> {
  return (await get(server, path, "application/json")).json();
}

/** GETs bytes below the mount. */
export async function getBlob(server: Server, path: string): Promise<Blob> {
  return (await get(server, path, "*/*")).blob();
}

/**
 * Imports a script below the mount. It is fetched like everything else and then imported as a blob, as the host did with
 * this module: `import` of its address would send no token, and some browsers never ask again for what failed once.
 */
export async function importModule(server: Server, path: string): Promise<unknown> {
  const script = await (await get(server, path, "text/javascript")).text();
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  try {
    return await import(url);
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** With the cookie, the XSRF token and the token if there is one: some hosts want each. */
async function get(server: Server, path: string, accept: string): Promise<Response> {
  const headers: Record<string, string> = { Accept: accept };
  const xsrf = readCookie("_xsrf");
  if (xsrf) headers["X-XSRFToken"] = xsrf;
  if (server.token) headers.Authorization = `token ${server.token}`;
  const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  const answer = await fetch(new URL(path, server.baseUrl), { credentials: "same-origin", headers, signal });
  if (!answer.ok) throw new HttpError(answer.status, `${path}: ${answer.status}`);
  return answer;
}

/** Asks for the profiles only to learn whether the server, the extension and our login are there. */
export async function probeServer(server: Server): Promise<ProbeResult> {
  try {
    await getJson(server, "v1/profiles");
    return "ok";
  } catch (error) {
    if (!(error instanceof HttpError)) return "unreachable";
    if (error.status === 404) return "absent";
    return error.status === 401 || error.status === 403 ? "unauthorized" : "unreachable";
  }
}

function readCookie(name: string): string {
  const found = document.cookie.split("; ").find((each) => each.startsWith(`${name}=`));
  return found ? found.slice(name.length + 1) : "";
}
