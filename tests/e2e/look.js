// What a person sees of a chat, measured. Each function takes the chat's root element.

// Colours come as rgb(), color(srgb …) and more; one pixel of a canvas knows them all.
const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

function pixel(...layers) {
  canvas.clearRect(0, 0, 1, 1);
  for (const layer of layers) {
    canvas.fillStyle = layer;
    canvas.fillRect(0, 0, 1, 1);
  }
  return [...canvas.getImageData(0, 0, 1, 1).data];
}

function luminance([red, green, blue]) {
  const linear = (part) => (part / 255 <= 0.03928 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

function ratio(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return Math.round(((high + 0.05) / (low + 0.05)) * 100) / 100;
}

function grounds(element) {
  const layers = [];
  for (let at = element; at; at = at.parentElement) layers.unshift(getComputedStyle(at).backgroundColor);
  return ["white", ...layers];
}

function isShown(element) {
  return element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
}

function texts(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.data.trim();
    if (!text || !isShown(element) || element.closest(":disabled")) continue;
    const ground = grounds(element);
    const contrast = ratio(pixel(...ground, getComputedStyle(element).color), pixel(...ground));
    found.push({ text: text.slice(0, 40), contrast });
  }
  return found;
}

function pageColour(root) {
  const probe = document.createElement("div");
  probe.style.background = "var(--jp-layout-color1)";
  root.parentElement.append(probe);
  const colour = getComputedStyle(probe).backgroundColor;
  probe.remove();
  return colour;
}

function sendButtonContrast(root) {
  const button = root.querySelector('[data-webchat="send"]');
  const ground = grounds(button);
  return ratio(pixel(...ground, getComputedStyle(button, "::before").backgroundColor), pixel(...ground));
}

function overflowing(root) {
  const box = root.getBoundingClientRect();
  const scrolls = (element) => element.closest("pre, .wcn-code, table, textarea") !== null;
  const wide = [...root.querySelectorAll("*")].filter(
    (element) => isShown(element) && !scrolls(element) && element.getBoundingClientRect().right > box.right + 1,
  );
  const sideways = root.querySelector('[data-webchat="timeline"]');
  return [...wide.map((element) => element.outerHTML.slice(0, 80)), ...(sideways.scrollWidth > sideways.clientWidth ? ["timeline scrolls sideways"] : [])];
}

// What a control holds is not what it is called.
function ownText(element) {
  return element.matches("input, select, textarea") ? "" : element.textContent.trim();
}

function nameless(root) {
  const named = (element) =>
    element.getAttribute("aria-label") || element.labels?.[0]?.textContent.trim() || ownText(element) || element.title || element.alt;
  return [...root.querySelectorAll("button, input, select, textarea, a[href], summary, img, [role=img], [tabindex]")]
    .filter((element) => !named(element))
    .map((element) => element.outerHTML.slice(0, 80));
}

function doubleIds(root) {
  const ids = [...root.querySelectorAll("[id]")].map((element) => element.id);
  return ids.filter((id) => document.querySelectorAll(`[id="${CSS.escape(id)}"]`).length > 1);
}

function focused(root) {
  const element = document.activeElement;
  if (!root.contains(element)) return null;
  const styles = [element, element.parentElement].map((each) => getComputedStyle(each));
  const isMarked = styles.some((style) => style.outlineStyle !== "none" && style.outlineWidth !== "0px")
    || styles[1].boxShadow !== "none";
  return { name: element.getAttribute("aria-label") || element.textContent.trim(), isMarked };
}
