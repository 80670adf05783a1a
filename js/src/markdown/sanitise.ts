import createDOMPurify, { type Config } from "dompurify";
import { markdownStrings as strings } from "../strings/markdownStrings.ts";

const TAGS =
  "a b blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp " +
  "small span strong sub summary sup table tbody td tfoot th thead tr u ul var";

const CONFIG: Config = {
  ALLOWED_TAGS: TAGS.split(" "),
  ALLOWED_ATTR: ["href", "title", "alt", "src", "align", "start", "colspan", "rowspan", "class"],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  // Not addresses, so not measured by the rule for addresses.
  ADD_URI_SAFE_ATTR: ["align", "start", "colspan", "rowspan"],
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

const INLINE_IMAGE = /^data:image\/(?:png|gif|jpeg|webp);base64,/i;
const LANGUAGE = /^language-[\w+#.-]+$/;

/** An instance of our own: hooks that a page adds to a shared one do not reach it. */
const purifier = createDOMPurify(window);

purifier.addHook("afterSanitizeAttributes", (node) => {
  const language = node.nodeName === "CODE" ? [...node.classList].find((each) => LANGUAGE.test(each)) : undefined;
  if (language) node.setAttribute("class", language);
  else node.removeAttribute("class");
  if (node.nodeName !== "IMG") node.removeAttribute("src");
  if (node.nodeName === "A" && node.hasAttribute("href")) {
    node.setAttribute("target", "_blank");
    node.setAttribute("rel", "noopener noreferrer");
  }
});

/**
 * Makes a piece of HTML safe to put on a page that may run code on a kernel (RD1). Everything that is not on the list
 * goes; after that only elements of ours are added: buttons in the place of images, a frame around code.
 */
export function sanitise(html: string): string {
  const fragment = purifier.sanitize(html, CONFIG) as unknown as DocumentFragment;
  for (const image of fragment.querySelectorAll("img")) replaceImage(image);
  for (const pre of fragment.querySelectorAll("pre")) frameCode(pre);
  const holder = document.createElement("div");
  holder.append(fragment);
  return holder.innerHTML;
}

/** A remote image is fetched only after a click: fetching tells a stranger who reads what, and when. */
function replaceImage(image: HTMLImageElement): void {
  const source = image.getAttribute("src") ?? "";
  if (INLINE_IMAGE.test(source)) return;
  if (!/^https?:/i.test(source)) {
    image.replaceWith(image.alt);
    return;
  }
  const button = document.createElement("button");
  button.type = "button";
  button.className = "wcn-image";
  button.setAttribute("data-src", source);
  button.setAttribute("data-alt", image.alt);
  button.textContent = strings.loadImage(image.alt || hostOf(source));
  image.replaceWith(button);
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}

/** The button's words and the language are attributes: the text of the message stays the text of the message (MG2). */
function frameCode(pre: HTMLPreElement): void {
  const frame = document.createElement("div");
  frame.className = "wcn-code";
  const language = pre.querySelector("code")?.className.replace("language-", "") ?? "";
  if (language) frame.setAttribute("data-language", language);
  const copy = document.createElement("button");
  copy.type = "button";
  copy.className = "wcn-copy";
  copy.setAttribute("aria-label", strings.copyCode);
  copy.title = strings.copyCode;
  pre.replaceWith(frame);
  frame.append(pre, copy);
}
