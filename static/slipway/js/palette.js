// The palette: search from anywhere. Asks GET /search?q=…, which answers
// {"groups": [{"label": "Builds", "results": [{"title", "subtitle", "url", "icon", "status": {"label", "tone"}}]}]}.
(() => {
  const DEBOUNCE = 120;
  const dialog = document.getElementById("palette");
  if (!dialog) return;
  const input = dialog.querySelector("input");
  const results = dialog.querySelector("[role=listbox]");
  const sprite = dialog.querySelector("use").getAttribute("href").split("#")[0];
  let asked = null;
  let timer = 0;

  const options = () => [...results.querySelectorAll("[role=option]")];
  const select = (option) => {
    options().forEach((one) => one.setAttribute("aria-selected", String(one === option)));
    if (option) {
      input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
  };
  const node = (tag, css, text) => {
    const made = document.createElement(tag);
    made.className = css;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const icon = (name) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `${sprite}#${name}`);
    svg.append(use);
    return svg;
  };

  const show = (groups) => {
    results.replaceChildren();
    let count = 0;
    groups.filter((group) => group.results.length).forEach((group) => {
      const heading = node("div", "palette-group", group.label);
      heading.setAttribute("role", "presentation");
      results.append(heading);
      group.results.forEach((result) => {
        const option = node("a", "palette-option");
        option.href = result.url;
        option.id = `palette-option-${count++}`;
        option.setAttribute("role", "option");
        option.tabIndex = -1;
        const text = node("span", "grow truncate", result.title);
        if (result.subtitle) text.append(" ", node("span", "sub", result.subtitle));
        option.append(icon(result.icon || "arrow-right"), text);
        if (result.status) option.append(node("span", `pill tone-${result.status.tone}`, result.status.label));
        results.append(option);
      });
    });
    if (!count) results.append(node("p", "palette-empty", dialog.dataset.wordsNone));
    select(options()[0]);
  };

  const places = (query) => [...document.querySelectorAll(".side-nav a, .tabs a")]
    .map((link) => ({ title: (link.querySelector("span") ?? link).textContent.trim(), url: link.href, icon: link.querySelector("use")?.getAttribute("href").split("#")[1], subtitle: link.dataset.key }))
    .filter((place) => place.title.toLowerCase().includes(query.toLowerCase()));

  const search = async () => {
    const query = input.value.trim();
    const go = { label: dialog.dataset.wordsGo, results: places(query) };
    asked?.abort();
    if (!query) { show([go]); return; }
    asked = new AbortController();
    try {
      const response = await fetch(`${dialog.dataset.search}?${new URLSearchParams({ q: query })}`, { headers: { Accept: "application/json" }, signal: asked.signal });
      if (!response.ok) throw new Error(String(response.status));
      const answer = await response.json();
      show([...answer.groups, go]);
    } catch (error) {
      if (error.name === "AbortError") return;
      results.replaceChildren(node("p", "palette-empty", dialog.dataset.wordsFailed));
    }
  };

  const open = () => {
    if (dialog.open) return;
    input.value = "";
    show([{ label: dialog.dataset.wordsGo, results: places("") }]);
    dialog.showModal();
    input.focus();
  };
  document.addEventListener("slipway:palette", open);
  document.addEventListener("click", (event) => { if (event.target.closest("[data-palette-open]")) open(); });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, DEBOUNCE); });
  input.addEventListener("keydown", (event) => {
    const all = options();
    const present = all.findIndex((one) => one.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      select(all[(present + (event.key === "ArrowDown" ? 1 : -1) + all.length) % all.length]);
    } else if (event.key === "Enter") {
      event.preventDefault();
      all[present]?.click();
    }
  });
})();
