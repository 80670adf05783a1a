// What the mock's conversations begin with: `showcase` has one of everything, `long-<n>` has n messages.

const ANSWER = `Paris is **mild** today. Here is what I found, and how to get it yourself:

| Day | High | Low | Sky |
|:--|--:|--:|:--|
| Friday | 18 °C | 11 °C | clear |
| Saturday | 16 °C | 9 °C | light rain |

1. Ask the \`get_weather\` tool for a city.
2. Read *celsius* from what it returns.
   - It is a number.
   - See [the docs](https://example.org/docs).

\`\`\`python
import httpx

def weather(city: str) -> float:
    answer = httpx.get("https://example.org/weather", params={"city": city})
    return answer.json()["celsius"]
\`\`\`

> Forecasts beyond three days are a guess.

![A map of Paris](https://example.org/map.png)`;

export function seedTimeline(id) {
  const entities = new Map();
  let ordinal = 0;
  const add = (kind, entityId, payload) => {
    ordinal += 1;
    const entity = { kind, id: entityId, created: String(ordinal), updated: String(ordinal), payload };
    entities.set(`${kind} ${entityId}`, entity);
  };
  if (id.startsWith("long-")) {
    for (let index = 0; index < Number(id.slice(5)); index += 1) {
      const role = index % 2 ? "assistant" : "user";
      add("ChatMessage", `m${index}`, { role, content: `Message **${index}** with some \`code\` and a few words.` });
    }
  } else if (id === "showcase") showcase(add);
  return entities;
}

function showcase(add) {
  const say = (run, name, role, content, more = {}) =>
    add("ChatMessage", `${run}${name}`, { messageId: `${run}${name}`, role, content, runId: run, ...more });
  say("r1", "-user", "user", "What is the weather in Paris, and how do I ask for it in Python?");
  add("ChatRun", "r1", { runId: "r1", status: "finished" });
  say("r1", ":thinking:1", "thinking", "The user wants weather **and** code. I will call the tool first.");
  add("ChatToolCall", "call-1", {
    toolCallId: "call-1",
    toolName: "get_weather",
    input: '{"city":"Paris","days":2}',
    status: "done",
    runId: "r1",
    durationMs: "412",
  });
  add("ChatToolResult", "call-1:result", {
    toolCallId: "call-1",
    result: '{"celsius":18,"sky":"clear"}',
    status: "ok",
  });
  say("r1", ":text:1", "assistant", ANSWER);
  say("r2", "-user", "user", "Now delete the old forecasts\nand tell me when you are done.");
  add("ChatRun", "r2", { runId: "r2", status: "failed", error: "The model is overloaded (503).", retryable: true });
  add("ChatToolCall", "call-2", {
    toolCallId: "call-2",
    toolName: "delete_files",
    input: '{"pattern":"*.old"}',
    status: "failed",
    error: "Permission denied: forecasts/2023.old",
    runId: "r2",
  });
  add("ResearchPlan", "plan-1", { title: "Research plan", steps: ["read", "compare"] });
  say("r3", "-user", "user", "Summarise the trip.");
  add("ChatRun", "r3", { runId: "r3", status: "running" });
  say("r3", ":thinking:1", "thinking", "Let me see…", { streaming: true });
  add("ChatToolCall", "call-3", {
    toolCallId: "call-3",
    toolName: "search_notes",
    input: '{"q":"trip',
    executing: true,
  });
  say("r3", ":text:1", "assistant", "The trip has **three** parts: the museum, the", { streaming: true });
  say("r4", "-user", "user", "And what should I pack?");
  add("ChatRun", "r4", { runId: "r4", status: "queued", queuePosition: 1 });
}
