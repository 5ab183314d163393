// Server-sent events read from a fetch (EventSource cannot send a header, and a token must never stand in an address).
const LINE_LIMIT = 65536;

/** The events of a body: { name, data (parsed JSON), id }. */
export async function* parts(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = { name: "message", data: "", id: "" };
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    if (rest.length > LINE_LIMIT) throw new Error("a line of the stream is too long");
    const lines = rest.split(/\r\n|\n|\r/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (event.data) yield { name: event.name, data: JSON.parse(event.data), id: event.id };
        event = { name: "message", data: "", id: "" };
      } else if (line.startsWith("event:")) event.name = line.slice(6).trim();
      else if (line.startsWith("data:")) event.data += line.slice(5).trim();
      else if (line.startsWith("id:")) event.id = line.slice(3).trim();
    }
  }
}
