// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Screen } from "./support/screen.ts";
import { control, hello, snapshot, subscribed, uiEvent, upsert, wireEntity } from "./support/wire.ts";

let screen: Screen;

beforeEach(() => {
  screen = new Screen();
});
afterEach(() => {
  screen.unmount();
  screen.element.remove();
});

const call = (more: object = {}) =>
  wireEntity("ChatToolCall", "t1", 1, 1, {
    toolCallId: "t1",
    toolName: "delete_file",
    input: '{"path":"a.txt"}',
    status: "requested",
    ...more,
  });
const asked = (more: object = {}) => ({
  approvalId: "t1:approval",
  toolCallId: "t1",
  toolName: "delete_file",
  input: '{"path":"a.txt"}',
  status: "pending",
  ...more,
});
const approval = (more: object = {}) => wireEntity("ChatApproval", "t1:approval", 2, 2, asked(more));
const question = (schema: object | null, more: object = {}) =>
  wireEntity("ChatApproval", "q", 2, 2, {
    approvalId: "q",
    status: "pending",
    question: "Where to?",
    ...(schema && { schema: JSON.stringify({ type: "object", ...schema }) }),
    ...more,
  });

/** The approval's entity changes. */
async function become(more: object, id = "t1:approval", seq = 101): Promise<void> {
  const entity = id === "q" ? { approvalId: "q", question: "Where to?", ...more } : asked(more);
  await screen.say(uiEvent("c1", seq - 1, seq, [upsert("ChatApproval", id, 2, seq, entity)]));
}

async function answer(type: "ws.ack" | "ws.nack", data: object = {}): Promise<void> {
  const id = screen.commands().at(-1)?.id;
  await screen.say(control(type, { id, status: "", code: "", message: "", retryable: false, ...data }));
}

/** The entry that a label names. */
function entry(text: string): HTMLInputElement {
  const labels = [...screen.element.querySelectorAll("label")];
  const found = labels.find((label) => label.textContent?.startsWith(text));
  return screen.find<HTMLInputElement>(`#${found?.htmlFor}`);
}

describe("an approval", () => {
  test("[TL2, MG6, MG8] stands in its call's card, with the arguments unfolded and both buttons", async () => {
    await screen.goLive([call(), approval()]);
    expect(screen.element.querySelectorAll("[data-kind=ChatApproval]")).toHaveLength(1);
    const card = screen.find("[data-kind=ChatToolCall] > [data-kind=ChatApproval]");
    expect(card.dataset.status).toBe("pending");
    expect(screen.find("[data-kind=ChatToolCall]").dataset.state).toBe("asking");
    expect(screen.find<HTMLDetailsElement>("[data-kind=ChatToolCall] details").open).toBe(true);
    expect(screen.has("[data-webchat=approve]") && screen.has("[data-webchat=deny]")).toBe(true);
    expect(screen.find("p[role=status]").textContent).toBe("Allow the call of delete_file?");
  });

  test("[TL2] without its call on the screen it says itself what it is about", async () => {
    await screen.goLive([approval()]);
    const card = screen.find(".wcn-group > [data-kind=ChatApproval]");
    expect(card.textContent).toContain("delete_file");
    expect(card.querySelector("pre")?.textContent).toBe('{\n  "path": "a.txt"\n}');
    await screen.say(uiEvent("c1", 100, 101, [upsert("ChatToolCall", "t1", 101, 101, { toolName: "delete_file" })]));
    expect(screen.has("[data-kind=ChatToolCall] > [data-kind=ChatApproval]")).toBe(true);
    expect(screen.element.querySelectorAll("[data-kind=ChatApproval]")).toHaveLength(1);
  });

  test("[TL2, MG8] one press decides, once; the line is the timeline's word", async () => {
    await screen.goLive([call(), approval()]);
    const approve = screen.find("[data-webchat=approve]");
    approve.click();
    approve.click();
    await screen.click("[data-webchat=approve]");
    await screen.click("[data-webchat=deny]");
    expect(screen.commands()).toMatchObject([
      { name: "tool.decide", conv_id: "c1", data: { approval_id: "t1:approval", decision: "approve" } },
    ]);
    expect(screen.find("[data-kind=ChatApproval]").dataset.status).toBe("pending");
    expect(screen.text).not.toContain("Sending…");
    screen.world.clock.pass(300);
    await screen.draw();
    expect(screen.text).toContain("Sending…");
    await answer("ws.ack", { status: "approved" });
    await screen.click("[data-webchat=deny]");
    expect(screen.commands()).toHaveLength(1);
    await become({ status: "approved", decidedBy: "ana" });
    expect(screen.find("[data-kind=ChatApproval]").textContent).toBe("Allowed by ana");
    expect(screen.find("p[role=status]").textContent).toBe("");
    expect(screen.has("[data-webchat=approve]")).toBe(false);
    expect(screen.find<HTMLDetailsElement>("[data-kind=ChatToolCall] details").open).toBe(true);
  });

  test("[TL2] a denial may have a reason", async () => {
    await screen.goLive([call(), approval()]);
    await screen.click("[data-webchat=reason]");
    const field = screen.find<HTMLInputElement>("input.wcn-reason");
    expect(document.activeElement).toBe(field);
    field.value = " not that one ";
    await screen.click("[data-webchat=deny]");
    expect(screen.commands()[0]).toMatchObject({ data: { decision: "deny", reason: "not that one" } });
    await become({ status: "denied", reason: "not that one" });
    expect(screen.find("[data-kind=ChatApproval]").textContent).toBe("Not allowed · not that one");
    expect(screen.find("[data-kind=ChatToolCall]").dataset.state).toBe("denied");
  });

  test("[TL4] arguments are changed in a form of the tool's schema; what was not touched is not sent", async () => {
    const schema = JSON.stringify({
      type: "object",
      properties: { path: { type: "string" }, tries: { type: "integer", default: 1 } },
      required: ["path"],
    });
    await screen.goLive([call(), approval({ schema })]);
    await screen.click("[data-webchat=change]");
    expect(document.activeElement).toBe(entry("path"));
    await screen.click("[data-webchat=back]");
    expect(document.activeElement).toBe(screen.find("[data-webchat=change]"));
    await screen.click("[data-webchat=change]");
    entry("path").value = "b.txt";
    await screen.click("[data-webchat=approve]");
    const { data } = screen.commands()[0] as { data: { decision: string; input: string } };
    expect([data.decision, JSON.parse(data.input)]).toEqual(["approve", { path: "b.txt", tries: 1 }]);
    await answer("ws.nack", { code: "bad_request", message: "input.path: 'b.txt' is not there" });
    expect(screen.find("[role=alert]").textContent).toBe("input.path: 'b.txt' is not there");
    expect(entry("path").value).toBe("b.txt");
    entry("path").value = "a.txt";
    await screen.click("[data-webchat=approve]");
    expect(screen.commands()[1]?.data).toEqual({ approval_id: "t1:approval", decision: "approve" });
    expect(screen.has("[role=alert]")).toBe(false);
  });

  test("[TL4, MG8] arguments that no form can hold are changed as JSON; an error is told in its place", async () => {
    await screen.goLive([call(), approval({ input: '{"deep":{"a":1}}' })]);
    await screen.click("[data-webchat=change]");
    const area = screen.find<HTMLTextAreaElement>("form textarea");
    expect(JSON.parse(area.value)).toEqual({ deep: { a: 1 } });
    area.value = "{";
    await screen.click("[data-webchat=approve]");
    expect(screen.text).toContain("This is not JSON");
    expect(area.getAttribute("aria-invalid")).toBe("true");
    area.value = "[1]";
    await screen.click("[data-webchat=approve]");
    expect(screen.text).toContain("Expected an object");
    expect(screen.commands()).toEqual([]);
    area.value = '{"id": 12345678901234567890}';
    await screen.click("[data-webchat=approve]");
    expect(screen.commands()[0]?.data).toMatchObject({ input: '{"id": 12345678901234567890}' });
  });

  test("[TL4] where there is no argument there is nothing to change", async () => {
    await screen.goLive([call(), approval({ input: "{}", schema: '{"type":"object","properties":{}}' })]);
    expect(screen.has("[data-webchat=approve]")).toBe(true);
    expect(screen.has("[data-webchat=change]")).toBe(false);
  });

  test("[TL2] several are decided each for itself", async () => {
    const two = wireEntity("ChatToolCall", "t2", 3, 3, { toolCallId: "t2", toolName: "send" });
    const other = wireEntity("ChatApproval", "t2:approval", 4, 4, { ...asked({ toolCallId: "t2" }) });
    await screen.goLive([call(), two, approval(), other]);
    const cards = [...screen.element.querySelectorAll<HTMLElement>("[data-kind]")].map((each) => each.dataset.entityId);
    expect(cards).toEqual(["t1", "t1:approval", "t2", "t2:approval"]);
    await screen.click('[data-entity-id="t2:approval"] [data-webchat=deny]');
    expect(screen.commands()[0]?.data).toEqual({ approval_id: "t2:approval", decision: "deny" });
    await screen.click('[data-entity-id="t1:approval"] [data-webchat=approve]');
    expect(screen.commands()[1]?.data).toEqual({ approval_id: "t1:approval", decision: "approve" });
  });

  test("[TL2, MG8] who was too late is told at the card, which shows what was decided", async () => {
    await screen.goLive([call(), approval()]);
    await screen.click("[data-webchat=approve]");
    await become({ status: "denied", decidedBy: "bob" });
    await answer("ws.nack", { code: "already_decided", message: "it was decided already: denied" });
    expect(screen.find("[data-kind=ChatApproval] [role=alert]").textContent).toBe("Somebody else was faster.");
    expect(screen.find("[data-kind=ChatApproval]").textContent).toContain("Not allowed by bob");
    expect(screen.has(".wcn-notice")).toBe(false);
  });

  test("[TL2] the time left is the server's; that it is over only the timeline says", async () => {
    await screen.goLive();
    screen.world.socket.close(1006);
    screen.world.clock.pass(250);
    const aheadMs = 5_000;
    const serverMs = screen.world.clock.now() + aheadMs;
    const waiting = approval({ expiresAtMs: String(serverMs + 61_500) });
    const greeting = JSON.parse(hello());
    greeting.event.data.server_time_ms = serverMs;
    await screen.say(JSON.stringify(greeting), subscribed("c1", "snapshot", 0, 100, "e2"));
    await screen.say(snapshot("c1", 100, [call(), waiting], { epoch: "e2" }));
    expect(screen.find("[role=timer]").textContent).toBe("1:02 left");
    screen.world.clock.pass(2_000);
    await screen.draw();
    expect(screen.find("[role=timer]").textContent).toBe("1:00 left");
    await become({ expiresAtMs: String(serverMs + 2_000 + 3 * 3_600_000) });
    expect(screen.find("[role=timer]").textContent).toContain("until ");
    await become({ expiresAtMs: String(serverMs + 12_500) }, "t1:approval", 102);
    expect(screen.find("[role=timer]").textContent).toBe("0:11 left");
    screen.world.clock.pass(15_000);
    await screen.draw();
    expect(screen.find("[role=timer]").textContent).toBe("0:00 left");
    expect(screen.has("[data-webchat=approve]")).toBe(true);
    await become({ status: "expired" }, "t1:approval", 103);
    expect(screen.find("[data-kind=ChatApproval]").textContent).toBe("Nobody decided in time");
  });

  test("[TL2] a decision without a connection waits, says so, and is sent once it is back", async () => {
    await screen.goLive([call(), approval()]);
    screen.world.socket.close(1006);
    await screen.draw();
    await screen.click("[data-webchat=approve]");
    screen.world.clock.pass(300);
    await screen.draw();
    expect(screen.text).toContain("Will be sent when the connection is back");
    await screen.say(hello(), subscribed("c1", "resumed", 100, 100));
    expect(screen.commands()).toMatchObject([{ name: "tool.decide", data: { decision: "approve" } }]);
  });

  test("[MG8] the focus stays in the card when its buttons go", async () => {
    await screen.goLive([call(), approval()]);
    screen.find("[data-webchat=approve]").focus();
    await screen.click("[data-webchat=approve]");
    expect(document.activeElement).toBe(screen.find("[data-webchat=approve]"));
    await become({ status: "approved" });
    expect(screen.find("[data-kind=ChatApproval]").contains(document.activeElement)).toBe(true);
    expect(document.activeElement?.textContent).toBe("Allowed");
  });
});

describe("a question", () => {
  const PLACE = {
    properties: {
      city: { type: "string", title: "City", minLength: 2 },
      days: { type: "integer", title: "Days", minimum: 1, maximum: 9 },
      ratio: { type: "number", title: "Ratio" },
      class: { enum: ["economy", "business"], title: "Class" },
      colour: { enum: ["red", "green"], title: "Colour" },
      meals: { type: "array", items: { enum: ["lunch", "dinner"] }, title: "Meals", minItems: 1 },
      pets: { type: "boolean", title: "Pets" },
    },
    required: ["city", "class"],
  };

  test("[TL5] is answered with a form: what is missing is said in its place, and the answer is JSON", async () => {
    await screen.goLive([question(PLACE)]);
    expect(screen.text).toContain("Where to?");
    entry("Days").value = "12";
    await screen.click("[data-webchat=approve]");
    expect(screen.commands()).toEqual([]);
    const problems = [...screen.element.querySelectorAll("form .wcn-error-text")].map((each) => each.textContent);
    expect(problems).toEqual(["Please fill this in.", "At most 9.", "Please fill this in.", "Choose at least 1."]);
    expect(document.activeElement).toBe(entry("City"));
    const about = entry("Days").getAttribute("aria-describedby") ?? "";
    expect(screen.find(`#${about}`).textContent).toBe("At most 9.");

    entry("City").value = "Rome";
    entry("Days").value = "1.5";
    await screen.click("[data-webchat=approve]");
    expect(screen.text).toContain("Please enter a whole number.");
    entry("Days").value = "3";
    entry("Ratio").value = "0.5";
    screen.find<HTMLInputElement>("input[type=radio][value='1']").checked = true;
    screen.find<HTMLSelectElement>("select").value = "1";
    screen.find<HTMLInputElement>(".wcn-picks input[type=checkbox]").checked = true;
    entry("Pets").checked = true;
    await screen.click("[data-webchat=approve]");
    const { name, data } = screen.commands()[0] as { name: string; data: { decision: string; input: string } };
    expect([name, data.decision]).toEqual(["tool.decide", "approve"]);
    expect(JSON.parse(data.input)).toEqual({
      city: "Rome",
      days: 3,
      ratio: 0.5,
      class: "business",
      colour: "green",
      meals: ["lunch"],
      pets: true,
    });
  });

  test("[TL5] what need not be answered is left out", async () => {
    await screen.goLive([question({ properties: { a: { type: "string" }, b: { enum: [1, 2] } } })]);
    await screen.click("[data-webchat=approve]");
    expect(screen.commands()[0]?.data).toMatchObject({ input: "{}" });
  });

  test("[TL5] without a schema it asks for one text", async () => {
    await screen.goLive([question(null)]);
    entry("Answer").value = "home";
    await screen.click("[data-webchat=approve]");
    expect(screen.commands()[0]?.data).toMatchObject({ approval_id: "q", input: '{"answer":"home"}' });
    await become({ status: "approved", input: '{"answer":"home"}', decidedBy: "ana" }, "q");
    expect(screen.find("[data-kind=ChatApproval]").textContent).toBe("Where to?Answered by anaAnswerhome");
  });

  test("[TL5] what was answered is shown with the form's words", async () => {
    const schema = { properties: { yes: { type: "boolean", title: "Really" }, a: PLACE.properties.meals } };
    await screen.goLive([question(schema, { status: "approved", input: '{"yes":true,"a":["lunch","dinner"]}' })]);
    expect(screen.find("dl").textContent).toBe("ReallyyesMealslunch, dinner");
    await become({ status: "approved", input: '{"free":[1]}' }, "q");
    expect(screen.find("[data-kind=ChatApproval] pre").textContent).toContain('"free"');
  });

  test("[TL5] may be declined", async () => {
    await screen.goLive([question(PLACE)]);
    await screen.click("[data-webchat=deny]");
    expect(screen.commands()[0]?.data).toEqual({ approval_id: "q", decision: "deny" });
    await become({ status: "denied" }, "q");
    expect(screen.find("[data-kind=ChatApproval]").textContent).toBe("Where to?Declined");
  });

  test("[MG2] a decided one looks the same live and reloaded", async () => {
    await screen.goLive([question(PLACE)]);
    const end = { status: "approved", input: '{"city":"Rome","class":"economy"}', ...{ schema: "{}" } };
    await become(end, "q");
    const live = screen.find("[data-kind=ChatApproval]").textContent;
    const reloaded = new Screen();
    await reloaded.goLive([wireEntity("ChatApproval", "q", 2, 101, { question: "Where to?", ...end })], 101);
    expect(reloaded.find("[data-kind=ChatApproval]").textContent).toBe(live);
    reloaded.unmount();
    reloaded.element.remove();
  });
});

describe("a call that a person answers in the browser", () => {
  const answerSchema = JSON.stringify({ type: "object", properties: { ok: { type: "boolean" } } });
  const waiting = { place: "browser", answerSchema, status: "executing", executing: true };

  test("[TL7] has its form in the call's card and gives the result", async () => {
    await screen.goLive([call(waiting)]);
    expect(screen.find("[data-kind=ChatToolCall]").dataset.state).toBe("asking");
    expect(screen.find("[data-kind=ChatToolCall]").textContent).toContain("in the browser");
    entry("ok").checked = true;
    await screen.click("[data-webchat=approve]");
    expect(screen.commands()).toMatchObject([
      { name: "tool.result", data: { tool_call_id: "t1", result: { ok: true } } },
    ]);
    await answer("ws.nack", { code: "already_answered", message: "" });
    expect(screen.find("[data-kind=ChatToolCall] [role=alert]").textContent).toBe("Somebody else was faster.");
    screen.find("[data-webchat=approve]").focus();
    await screen.say(uiEvent("c1", 100, 101, [upsert("ChatToolCall", "t1", 1, 101, { ...waiting, status: "done" })]));
    expect(screen.has("form")).toBe(false);
    expect(document.activeElement).toBe(screen.find("[data-kind=ChatToolCall] .wcn-tool-head"));
  });

  test("[TL7] may be declined, which is an error result", async () => {
    await screen.goLive([call(waiting)]);
    await screen.click("[data-webchat=deny]");
    expect(screen.commands()[0]?.data).toEqual({
      tool_call_id: "t1",
      result: "The user declined to answer.",
      is_error: true,
    });
  });

  test("[TL7] a call that a page answers by itself shows no form", async () => {
    await screen.goLive([call({ ...waiting, answerSchema: "" })]);
    expect(screen.has("form")).toBe(false);
    expect(screen.find("[data-kind=ChatToolCall]").dataset.state).toBe("running");
  });
});
