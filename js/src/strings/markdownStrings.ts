/** Apart from the others, because what reads Markdown is a file of its own. */
export const markdownStrings = {
  copyCode: "Copy code",
  copied: "Copied",
  loadImage: (what: string) => `Load image: ${what}`,
} as const;
