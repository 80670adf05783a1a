// A pretend server to look at the page with: `node dev/mock.mjs [port]`, then open the address it prints.
// Speaks just enough of the protocol. `?theme=dark` uses JupyterLab's dark colours.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { seedTimeline } from "./seed.mjs";

const port = Number(process.argv[2] ?? 8765);
const STATIC = new URL("../../webchat_nb/static/", import.meta.url);
const TYPES = { js: "text/javascript", css: "text/css" };
const conversations = new Map();

const DARK =
  "--jp-layout-color1:#111;--jp-content-font-color1:rgba(255,255,255,.87);--jp-brand-color1:#64b5f6;" +
  "--jp-error-color1:#f44336;--jp-warn-color1:#ffa726;--jp-success-color1:#66bb6a;--jp-content-link-color:#64b5f6";
const LIGHT =
  "--jp-layout-color1:#fff;--jp-content-font-color1:rgba(0,0,0,.87);--jp-brand-color1:#1976d2;" +
  "--jp-error-color1:#d32f2f;--jp-warn-color1:#f57c00;--jp-success-color1:#388e3c;--jp-content-link-color:#1565c0";

function pageHtml(theme) {
  const style = theme
    ? `:root{${theme === "dark" ? DARK : LIGHT};background:${theme === "dark" ? "#111" : "#fff"}}`
    : "";
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
    <title>webchat</title><meta name="webchat-base" content="/"><link rel="stylesheet" href="/widget.css">
    <style>${style}</style><main id="webchat"></main><script type="module" src="/page.js"></script></html>`;
}

function conversationOf(id) {
  if (!conversations.has(id)) conversations.set(id, { entities: seedTimeline(id), seq: 100, sockets: new Set() });
  return conversations.get(id);
}

function emit(id, type, ops) {
  const conversation = conversationOf(id);
  const prev = String(conversation.seq);
  conversation.seq += 1;
  const updated = String(conversation.seq);
  for (const op of ops) {
    if (op.op === "upsert") {
      op.entity = { created: updated, ...op.entity, updated };
      conversation.entities.set(`${op.entity.kind} ${op.entity.id}`, op.entity);
    } else {
      op.updated = updated;
      const payload = conversation.entities.get(`${op.kind} ${op.id}`).payload;
      op.at = (payload[op.field] ?? "").length;
      payload[op.field] = (payload[op.field] ?? "") + op.text;
    }
  }
  const event = { type, conv_id: id, id: "", seq: updated, prev, data: {}, ops };
  for (const socket of conversation.sockets) socket.send(JSON.stringify({ sem: true, event }));
}

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

async function run(id, runId, prompt) {
  const upsert = (kind, entityId, payload, created) => ({
    op: "upsert",
    entity: { kind, id: entityId, ...(created && { created }), payload },
  });
  const created = String(conversationOf(id).seq + 1);
  const messageId = `${runId}:text:1`;
  emit(id, "chat.message", [
    upsert("ChatMessage", `${runId}-user`, { messageId: `${runId}-user`, role: "user", content: prompt, runId }),
    upsert("ChatRun", runId, { runId, status: "running", createdAtMs: "1" }),
  ]);
  await wait(500);
  const message = { messageId, role: "assistant", content: "", streaming: true, runId };
  emit(id, "llm.start", [upsert("ChatMessage", messageId, message)]);
  const start = String(conversationOf(id).seq);
  const text = `You said **${prompt}**.\n\nHere is a list:\n\n- one\n- two\n\n\`\`\`python\nfor i in range(10):\n    print(i)\n\`\`\`\n\nDone.`;
  for (const piece of text.match(/.{1,6}/gs)) {
    emit(id, "llm.delta", [{ op: "append", kind: "ChatMessage", id: messageId, field: "content", text: piece }]);
    await wait(40);
  }
  emit(id, "llm.final", [upsert("ChatMessage", messageId, { ...message, content: text, streaming: false }, start)]);
  emit(id, "run.finished", [upsert("ChatRun", runId, { runId, status: "finished" }, created)]);
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, "http://localhost");
  const name = url.pathname.slice(1);
  if (url.pathname === "/") return response.end(pageHtml(url.searchParams.get("theme")));
  if (name === "v1/profiles") {
    response.setHeader("Content-Type", "application/json");
    const profile = { slug: "default", title: "Demo assistant", is_default: true };
    return response.end(JSON.stringify({ profiles: [profile] }));
  }
  if (!/^(page|widget)\.(js|css)$/.test(name)) return response.writeHead(404).end("{}");
  response.setHeader("Content-Type", TYPES[name.split(".")[1]]);
  response.end(await readFile(new URL(name, STATIC)));
});

new WebSocketServer({ server }).on("connection", (socket) => {
  const send = (type, data) => socket.send(JSON.stringify({ sem: true, event: { type, data } }));
  send("ws.hello", { connection_id: "1", limits: { max_prompt_chars: 2000 }, heartbeat_ms: 25000 });
  socket.on("message", (raw) => {
    const frame = JSON.parse(String(raw));
    if (frame.type === "ws.ping") send("ws.pong", {});
    if (frame.type === "subscribe") {
      const { entities, seq, sockets } = conversationOf(frame.conv_id);
      const base = { conv_id: frame.conv_id, epoch: "e1" };
      send("ws.subscribed", { ...base, mode: "snapshot", reason: "first", from: "0", to: String(seq) });
      const list = [...entities.values()];
      const snapshot = { version: String(seq), part: 1, last: true, has_more: false, oldest: "1", entities: list };
      send("timeline.snapshot", { ...base, ...snapshot });
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    }
    if (frame.type === "command" && frame.name === "chat.submit") {
      send("ws.ack", { id: frame.id, status: "started" });
      void run(frame.conv_id, `run-${frame.id.slice(0, 8)}`, frame.data.prompt);
    } else if (frame.type === "command") send("ws.ack", { id: frame.id, status: "idle" });
  });
});
server.listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/?conv_id=showcase&theme=light`));
