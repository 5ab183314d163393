// Times in the reader's own zone; the exact instant stays in `datetime` and in the title.
const SHAPES = {
  time: { hour: "2-digit", minute: "2-digit" },
  second: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  day: { day: "numeric", month: "short", year: "numeric" },
  exact: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" },
  moment: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
};

/** Words every `<time datetime="…" data-shape="…">` of the part given. */
export function showLocalTimes(root) {
  const year = new Date().getFullYear();
  for (const element of root.querySelectorAll("time[data-shape]")) {
    const instant = new Date(element.dateTime);
    if (Number.isNaN(instant.getTime())) continue;
    const shape = { ...SHAPES[element.dataset.shape] ?? SHAPES.moment };
    if (instant.getFullYear() !== year) shape.year = "numeric";
    if (element.dataset.shape === "time" || element.dataset.shape === "second") delete shape.year;
    element.textContent = new Intl.DateTimeFormat(undefined, shape).format(instant);
    element.title = element.dateTime;
  }
}
