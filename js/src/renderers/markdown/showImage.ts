/** Puts the image in the place of its button: the user asked for it. */
export function showImage(button: HTMLButtonElement): void {
  const image = document.createElement("img");
  image.referrerPolicy = "no-referrer";
  image.alt = button.dataset.alt ?? "";
  image.src = button.dataset.src ?? "";
  button.replaceWith(image);
}
