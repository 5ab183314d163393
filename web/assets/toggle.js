// Light or dark by hand: one press turns what is seen now, and the browser remembers it.
export function enhanceScheme() {
  const button = document.querySelector("button[data-scheme-toggle]");
  button?.addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.scheme ? root.dataset.scheme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.scheme = dark ? "light" : "dark";
    try { localStorage.setItem("scheme", root.dataset.scheme); } catch { /* not remembered, still shown */ }
  });
}
