// The position in a recording: drawn on the server's waveform, set by pointer or arrow keys, kept by the native player.
function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function wire(player) {
  const audio = player.querySelector("audio");
  const range = player.querySelector("input[type=range]");
  const played = player.querySelector(".played");
  if (!audio || !range || player.dataset.wired) return;
  player.dataset.wired = "yes";
  range.disabled = false;
  const seconds = () => (Number.isFinite(audio.duration) ? audio.duration : Number(range.max) / 10);
  const show = () => {
    if (!seconds()) return;
    const width = Number(played?.ownerSVGElement.viewBox.baseVal.width ?? 0);
    played?.setAttribute("width", String((width * audio.currentTime) / seconds()));
    range.value = String(Math.round(audio.currentTime * 10));
    range.setAttribute("aria-valuetext", `${clock(audio.currentTime)} of ${clock(seconds())}`);
  };
  range.addEventListener("input", () => { audio.currentTime = Number(range.value) / 10; show(); });
  for (const name of ["timeupdate", "seeked", "loadedmetadata", "ended"]) audio.addEventListener(name, show);
}

/** Every player of the part given; a line of a transcript with `data-seek` jumps to its second. */
export function enhancePlayers(root) {
  for (const player of root.querySelectorAll(".player")) wire(player);
  for (const jump of root.querySelectorAll("[data-seek]")) {
    jump.addEventListener("click", (event) => {
      const audio = document.querySelector(".player audio");
      if (!audio) return;
      event.preventDefault();
      audio.currentTime = Number(jump.dataset.seek);
      audio.play().catch(() => { /* the browser may want a press on its own button first */ });
    });
  }
}
