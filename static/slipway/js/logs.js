// Logs: follow by server-sent events, pause, wrap, jump to the first error or the end. Never holds more than LIMIT lines.
// The stream sends `data: {"lines": ["text", {"text": "…", "source": "web-1", "error": true}]}`, `event: gap` with
// {"text": "…"} where lines were lost, and `event: end`. `id:` lets the browser go on where it was.
(() => {
  const LIMIT = 5000;
  const NEAR = 24;
  const ESCAPES = /\x1b\[[0-9;?]*[ -/]*[@-~]/g;
  const ERROR = /\b(error|fatal|panic|traceback|exception|critical|segfault|oomkilled)\b/i;

  const start = (log) => {
    const lines = log.querySelector("[data-log-lines]");
    const state = log.querySelector("[data-log-state]");
    const more = log.querySelector("[data-log-more]");
    const pause = log.querySelector("[data-log-pause]");
    const firstError = log.querySelector("[data-log-error]");
    let number = Number(lines.dataset.first) + lines.childElementCount - 1;
    let waiting = [];
    let unseen = 0;
    let following = true;
    let paused = false;
    let frame = 0;
    let last = null;

    const say = (key, tone) => {
      if (!state) return;
      state.textContent = log.dataset[`words${key}`];
      state.className = `log-state tone-${tone}`;
    };
    const part = (css, text) => {
      const span = document.createElement("span");
      span.className = css;
      span.textContent = text;
      return span;
    };
    const line = (entry) => {
      const { text, source, error, note } = typeof entry === "string" ? { text: entry } : entry;
      const row = document.createElement("div");
      const plain = text.replace(ESCAPES, "");
      row.className = "log-line";
      if (error ?? ERROR.test(plain)) row.classList.add("is-error");
      if (note) row.classList.add("is-note");
      else number += 1;
      row.append(part("log-no", note ? "" : number));
      if (source) row.append(Object.assign(part("log-source", source), { title: source }));
      row.append(part("log-text", plain));
      return row;
    };
    const toEnd = () => { lines.scrollTop = lines.scrollHeight; };
    const marks = () => { if (firstError) firstError.hidden = !lines.querySelector(".is-error"); };

    const flush = () => {
      frame = 0;
      if (paused || !waiting.length) return;
      const batch = waiting.slice(-LIMIT);
      number += waiting.length - batch.length;
      unseen += waiting.length;
      waiting = [];
      const made = document.createDocumentFragment();
      batch.forEach((entry) => made.append(line(entry)));
      lines.append(made);
      const excess = lines.childElementCount - LIMIT;
      if (excess > 0) {
        const before = lines.scrollHeight;
        for (let i = 0; i < excess; i += 1) lines.firstElementChild.remove();
        const note = line({ text: log.dataset.wordsDropped, note: true });
        lines.firstElementChild.replaceWith(note);
        if (!following) lines.scrollTop -= before - lines.scrollHeight;
      }
      if (following) {
        unseen = 0;
        toEnd();
      } else if (more) {
        more.hidden = false;
        more.textContent = `↓ ${unseen} ${log.dataset.wordsNew}`;
      }
      marks();
    };
    const later = () => { frame ||= requestAnimationFrame(flush); };

    lines.addEventListener("scroll", () => {
      following = lines.scrollHeight - lines.scrollTop - lines.clientHeight < NEAR;
      if (following) {
        unseen = 0;
        if (more) more.hidden = true;
      }
    }, { passive: true });
    const follow = () => { following = true; unseen = 0; if (more) more.hidden = true; toEnd(); };
    more?.addEventListener("click", follow);
    log.querySelector("[data-log-end]")?.addEventListener("click", follow);
    log.querySelector("[data-log-wrap]")?.addEventListener("click", (event) => {
      const wrapped = log.classList.toggle("is-wrapped");
      event.currentTarget.setAttribute("aria-pressed", String(wrapped));
    });
    pause?.addEventListener("click", () => {
      paused = !paused;
      pause.setAttribute("aria-pressed", String(paused));
      if (last) say(...(paused ? ["Paused", "neutral"] : last));
      if (!paused) later();
    });
    firstError?.addEventListener("click", () => {
      lines.querySelectorAll(".is-marked").forEach((one) => one.classList.remove("is-marked"));
      const row = lines.querySelector(".is-error");
      row.classList.add("is-marked");
      following = false;
      lines.scrollTop += row.getBoundingClientRect().top - lines.getBoundingClientRect().top - lines.clientHeight / 3;
    });

    lines.querySelectorAll(".log-text").forEach((text) => {
      text.textContent = text.textContent.replace(ESCAPES, "");
      if (ERROR.test(text.textContent)) text.parentElement.classList.add("is-error");
    });
    marks();
    toEnd();
    if (!log.dataset.logStream) return;

    const source = new EventSource(log.dataset.logStream);
    const now = (...words) => { last = words; if (!paused) say(...words); };
    source.onopen = () => now("Live", "blue");
    source.onmessage = (event) => {
      // A region that was fetched again may show another log; this one is listened to by nobody.
      if (!log.isConnected) { source.close(); return; }
      waiting.push(...JSON.parse(event.data).lines);
      later();
    };
    source.addEventListener("gap", (event) => { waiting.push({ text: JSON.parse(event.data).text, note: true }); later(); });
    source.addEventListener("end", () => { source.close(); now("Ended", "neutral"); });
    source.onerror = () => now("Lost", "amber");
    addEventListener("pagehide", () => source.close());
  };

  slipway.enhance("[data-log]", start);
})();
