// Copies the text of one element; says so in the button and to screen readers.
export function enhanceCopy(root) {
  for (const button of root.querySelectorAll("button[data-copy]")) {
    button.addEventListener("click", async () => {
      const text = document.getElementById(button.dataset.copy)?.textContent ?? "";
      const label = button.querySelector("[data-label]") ?? button;
      const before = label.textContent;
      try {
        await navigator.clipboard.writeText(text);
        label.textContent = "Copied";
      } catch {
        // Without the clipboard (plain HTTP, refused): the text is selected, ready for the keyboard.
        getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
        label.textContent = "Selected";
      }
      setTimeout(() => { label.textContent = before; }, 1600);
    });
  }
}
