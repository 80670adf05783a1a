/** On an element: the notebook's command registry leaves keys pressed inside it alone. */
export const NO_SHORTCUTS = { "data-lm-suppress-shortcuts": "true" } as const;

function keepInside(event: Event): void {
  event.stopPropagation();
}

/**
 * Keeps key presses inside the chat. Both this and the attribute are needed: JupyterLab hears keys before they get
 * here, Notebook 7 after. Without them Shift+Enter in the composer would run the cell and destroy the chat.
 */
export const KEY_GUARD = {
  ...NO_SHORTCUTS,
  onKeyDown: keepInside,
  onKeyPress: keepInside,
  onKeyUp: keepInside,
} as const;
