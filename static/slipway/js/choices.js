// What is typed in one place can be chosen in another at once: the values of fields with `data-choices="x"` are offered by
// every `<select data-choices-of="x">` of the same form, besides the options that the server gave it.
(() => {
  const given = new WeakMap();

  const offer = (select) => {
    const typed = [...select.form.querySelectorAll(`[data-choices="${select.dataset.choicesOf}"]`)].map((field) => field.value.trim());
    const values = [...new Set(["", ...given.get(select), ...typed, select.value])];
    if (values.join("\n") === [...select.options].map((option) => option.value).join("\n")) return;
    const chosen = select.value;
    const empty = select.options[0].text;
    select.replaceChildren(...values.map((value) => new Option(value || empty, value, false, value === chosen)));
  };

  slipway.enhance("select[data-choices-of]", (select) => {
    given.set(select, [...select.options].map((option) => option.value));
    offer(select);
  });
  document.addEventListener("input", (event) => {
    // A row that was taken out says so on its form.
    const form = event.target.matches("form") ? event.target : event.target.matches("[data-choices]") && event.target.form;
    form?.querySelectorAll?.("select[data-choices-of]").forEach(offer);
  });
})();
