// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readTable } from "../src/renderers/ChatToolResult/Table.tsx";
import { Screen } from "./support/screen.ts";
import { hello, subscribed, wireEntity } from "./support/wire.ts";

const TABLE = "application/vnd.dataresource+json";

let screen: Screen;
const made: Blob[] = [];
const revoked: string[] = [];

beforeEach(() => {
  screen = new Screen();
  made.length = 0;
  revoked.length = 0;
  // jsdom has no object URLs.
  vi.stubGlobal(
    "URL",
    Object.assign(URL, {
      createObjectURL: (blob: Blob) => `blob:${made.push(blob)}`,
      revokeObjectURL: (address: string) => revoked.push(address),
    }),
  );
});
afterEach(() => {
  screen.unmount();
  screen.element.remove();
  vi.unstubAllGlobals();
});

const result = (more: object) =>
  wireEntity("ChatToolResult", "t1:result", 2, 2, { toolCallId: "t1", toolName: "plot", result: "text", ...more });

describe("[TL3] a table", () => {
  const content = JSON.stringify({
    schema: {
      fields: [
        { name: "city", type: "string" },
        { name: "people", type: "integer" },
      ],
    },
    data: [
      { city: "Rome", people: 2_800_000 },
      { city: "<b>Oslo</b>", people: null },
      { city: { name: "Bern" }, people: 1.5 },
    ],
    total_rows: 12_000,
  });

  test("is shown with its columns, says how much of it there is, and leaves the text in its fold", async () => {
    await screen.goLive([result({ mediaType: TABLE, content })]);
    const cells = [...screen.element.querySelectorAll("th, td")].map((each) => each.textContent);
    expect(cells).toEqual(["city", "people", "Rome", "2800000", "<b>Oslo</b>", "", '{"name":"Bern"}', "1.5"]);
    expect(screen.find("td[data-number]").textContent).toBe("2800000");
    expect(screen.text).toContain("3 of 12,000 rows");
    expect(screen.find("[data-webchat=content]").textContent).toBe("text");
    expect(screen.find("section.wcn-table").getAttribute("aria-label")).toBe("Table");
  });

  test.each(["", "[]", "{}", '{"schema":{"fields":1},"data":[]}'])("what is none (%j) is left out", async (text) => {
    expect(readTable(text)).toBeNull();
    await screen.goLive([result({ mediaType: TABLE, content: text })]);
    expect(screen.has("table")).toBe(false);
    expect(screen.find("[data-webchat=content]").textContent).toBe("text");
  });
});

describe("[TL3, AT1] an image", () => {
  const path = "v1/sessions/c1/attachments/a%2F1";
  const picture = result({ mediaType: "image/png", attachmentId: "a/1" });

  test("is fetched as the conversation is, shown in a box that was there before, and let go", async () => {
    screen.world.blobs.set(path, new Blob(["bytes"], { type: "application/octet-stream" }));
    await screen.goLive([picture]);
    await screen.draw();
    const image = screen.find<HTMLImageElement>("button.wcn-picture img");
    expect(image.alt).toBe("Image from plot");
    expect(image.getAttribute("src")).toBe("blob:1");
    expect(made[0]?.type).toBe("image/png");
    await screen.click("button.wcn-picture");
    expect(screen.find("button.wcn-picture").getAttribute("aria-pressed")).toBe("true");
    screen.unmount();
    expect(revoked).toEqual(["blob:1"]);
  });

  test("that is gone says so", async () => {
    await screen.goLive([picture]);
    await screen.draw();
    expect(screen.text).toContain("This image can't be loaded.");
    expect(screen.has("img")).toBe(false);
  });

  test("that could not be had is asked for again on the next connection", async () => {
    await screen.goLive([picture]);
    await screen.draw();
    screen.world.socket.close(1006);
    await screen.draw();
    screen.world.blobs.set(path, new Blob(["bytes"]));
    screen.world.clock.pass(250);
    await screen.say(hello(), subscribed("c1", "resumed", 100, 100));
    await screen.draw();
    expect(screen.has("button.wcn-picture img")).toBe(true);
  });

  test("that comes after its card is gone is not kept", async () => {
    let bring: (blob: Blob) => void = () => {};
    screen.client.fetchAttachment = () => new Promise((done) => (bring = done));
    await screen.goLive([picture]);
    screen.unmount();
    bring(new Blob(["late"]));
    await Promise.resolve();
    expect(made).toEqual([]);
  });
});

test("where a call runs is said", async () => {
  await screen.goLive([wireEntity("ChatToolCall", "t1", 1, 1, { toolName: "plot", status: "done", place: "kernel" })]);
  expect(screen.find("[data-kind=ChatToolCall]").textContent).toContain("done · in the kernel");
});
