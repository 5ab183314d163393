// Runs before the first paint: takes the reader's chosen scheme, and says that script is there.
"use strict";
{
  const root = document.documentElement;
  root.classList.remove("no-script");
  let chosen = null;
  try { chosen = localStorage.getItem("scheme"); } catch { /* storage may be closed: follow the system */ }
  if (chosen === "light" || chosen === "dark") root.dataset.scheme = chosen;
}
