// The phones show what arrives while one looks. Without this script the page
// is right after a reload.
const parts = () => [...document.querySelectorAll("[data-live]")];
const ids = (root) => new Set([...root.querySelectorAll("[id]")].map((e) => e.id));
const toEnd = (e) => { e.scrollTop = e.scrollHeight; };

// adopt takes the rules that the new messages need, before they are shown.
function adopt(next) {
  const old = document.querySelector("link[data-flex]");
  const fresh = next.querySelector("link[data-flex]");
  if (!old || !fresh || old.getAttribute("href") === fresh.getAttribute("href")) return Promise.resolve();
  return new Promise((done) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.dataset.flex = "";
    link.onload = link.onerror = () => { old.remove(); done(); };
    link.href = fresh.getAttribute("href");
    old.after(link);
  });
}

let running = false;
let again = false;
async function refresh() {
  if (running) { again = true; return; }
  running = true;
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (!answer.ok) return;
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    await adopt(next);
    for (const part of parts()) {
      const fresh = next.getElementById(part.id);
      if (!fresh) continue;
      const known = ids(part);
      const first = known.size === 0;
      const atEnd = part.scrollHeight - part.scrollTop - part.clientHeight < 80;
      part.replaceChildren(...fresh.childNodes);
      part.dataset.version = fresh.dataset.version;
      for (const e of part.querySelectorAll("[id]")) if (!known.has(e.id)) e.classList.add("new");
      if ("end" in part.dataset && (atEnd || first)) toEnd(part);
    }
  } catch {
    // The sandbox is away; the stream says when it is back.
  } finally {
    running = false;
    if (again) { again = false; refresh(); }
  }
}

for (const part of parts()) if ("end" in part.dataset) toEnd(part);

// What is tapped or typed on a phone goes there without leaving the page; the
// stream brings what comes of it.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!("quiet" in form.dataset)) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form));
  form.reset();
  form.closest("details")?.removeAttribute("open");
  try {
    await fetch(form.action, { method: "POST", body });
  } catch {
    // The sandbox is away.
  }
  refresh();
});
const stream = new EventSource("/changes");
stream.onmessage = (event) => { if (parts().some((p) => p.dataset.version !== event.data)) refresh(); };
setInterval(refresh, 30000);
