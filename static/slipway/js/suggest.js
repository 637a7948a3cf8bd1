// Suggestions for a text field from the server: `<div data-suggest="/url" data-suggest-with="gitlab">` around an input asks
// `/url?q=typed&gitlab=…` (the named fields of the same form) and offers the answer, {"choices": [{"value", "label"}]}, in a
// datalist. What is typed always counts; where the server cannot be asked the field is a plain one.
(() => {
  const WAIT = 200;
  let made = 0;

  slipway.enhance("[data-suggest]", (holder) => {
    const input = holder.querySelector("input");
    const list = document.createElement("datalist");
    list.id = `suggest-${made += 1}`;
    holder.append(list);
    input.setAttribute("list", list.id);
    input.autocomplete = "off";

    let asked = "";
    let timer;
    const ask = async () => {
      const query = new URLSearchParams({ q: input.value });
      for (const name of (holder.dataset.suggestWith ?? "").split(" ").filter(Boolean)) {
        query.set(name, input.form.elements[name]?.value ?? "");
      }
      if (asked === String(query)) return;
      asked = String(query);
      try {
        const answer = await fetch(`${holder.dataset.suggest}?${query}`, { headers: { Accept: "application/json" } });
        if (!answer.ok || asked !== String(query)) return;
        const { choices } = await answer.json();
        list.replaceChildren(...choices.map(({ value, label }) => new Option(label, value)));
      } catch {
        asked = ""; // the next key asks again
      }
    };
    input.addEventListener("focus", ask);
    input.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(ask, WAIT);
    });
  });
})();
