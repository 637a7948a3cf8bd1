// <textarea data-editor="dockerfile|yaml"> becomes CodeMirror where script runs; the textarea stays what the form sends.
// data-lint-url: POST {text}, answers {"problems": [{"line", "column", "end_column", "level", "message", "code"}]}.
// data-problems: id of a <script type="application/json"> with the same list, for marks on arrival.
// data-compare: id of a <template> whose text is the earlier version; changed lines are then marked against it.
(() => {
  const LINT_AFTER = 600;
  const bundle = document.currentScript.dataset.bundle;
  let loading = null;
  const load = () => {
    loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = bundle;
      script.onload = () => resolve(window.CodeMirrorForSlipway);
      script.onerror = reject;
      document.head.append(script);
    });
    return loading;
  };

  const theme = (cm) => cm.EditorView.theme({
    "&": { color: "var(--text)", backgroundColor: "var(--surface)", fontSize: "12.5px", height: "100%" },
    "&.cm-focused": { outline: "none" },
    ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
    ".cm-content": { caretColor: "var(--text)" },
    ".cm-cursor": { borderLeftColor: "var(--text)" },
    ".cm-gutters": { backgroundColor: "var(--sunken)", color: "var(--text-3)", borderRight: "1px solid var(--line)" },
    ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--accent) 8%, transparent)" },
    "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "color-mix(in srgb, var(--accent) 28%, transparent)" },
    ".cm-panels, .cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--text)", border: "1px solid var(--line-strong)" },
    ".cm-changedLine": { backgroundColor: "var(--green-bg) !important" },
    ".cm-deletedChunk": { backgroundColor: "var(--red-bg) !important" },
  });
  const colours = (cm) => cm.syntaxHighlighting(cm.HighlightStyle.define([
    { tag: [cm.tags.keyword, cm.tags.atom, cm.tags.bool, cm.tags.null], color: "var(--code-keyword)" },
    { tag: [cm.tags.propertyName, cm.tags.definition(cm.tags.propertyName), cm.tags.variableName], color: "var(--code-key)" },
    { tag: [cm.tags.string, cm.tags.content], color: "var(--code-string)" },
    { tag: cm.tags.number, color: "var(--code-number)" },
    { tag: cm.tags.comment, color: "var(--code-comment)" },
  ]));

  const diagnostics = (doc, problems) => problems.filter((problem) => problem.line >= 1 && problem.line <= doc.lines).map((problem) => {
    const line = doc.line(problem.line);
    const from = Math.min(line.from + Math.max((problem.column ?? 1) - 1, 0), line.to);
    const to = problem.end_column ? Math.min(line.from + problem.end_column - 1, line.to) : line.to;
    return { from, to: Math.max(from, to), severity: problem.level === "error" ? "error" : problem.level === "warning" ? "warning" : "info", message: problem.code ? `${problem.code}: ${problem.message}` : problem.message };
  });

  const lint = (cm, area) => cm.linter(async (view) => {
    const response = await fetch(area.dataset.lintUrl, { method: "POST", headers: { "X-CSRFToken": slipway.csrf(), Accept: "application/json" }, body: new URLSearchParams({ text: view.state.doc.toString() }) });
    return response.ok ? diagnostics(view.state.doc, (await response.json()).problems) : [];
  }, { delay: LINT_AFTER });

  slipway.enhance("textarea[data-editor]", async (area) => {
    const cm = await load();
    const host = document.createElement("div");
    host.className = "editor";
    host.setAttribute("data-preserve", "");
    // Inside a shadow root CodeMirror uses constructed style sheets, so the policy need not allow inline styles for it.
    const root = host.attachShadow({ mode: "open" });
    const compare = area.dataset.compare && document.getElementById(area.dataset.compare)?.content.textContent;
    const given = area.dataset.problems && JSON.parse(document.getElementById(area.dataset.problems).textContent);
    const view = new cm.EditorView({
      doc: area.value,
      parent: root,
      root,
      extensions: [
        cm.basicSetup,
        cm.keymap.of([cm.indentWithTab]),
        area.dataset.editor === "yaml" ? cm.yaml() : cm.StreamLanguage.define(cm.dockerFile),
        theme(cm), colours(cm), cm.lintGutter(),
        area.dataset.lintUrl ? lint(cm, area) : [],
        compare ? cm.unifiedMergeView({ original: compare, mergeControls: false }) : [],
        area.readOnly ? cm.EditorState.readOnly.of(true) : [],
        cm.EditorView.contentAttributes.of({ "aria-label": area.labels?.[0]?.textContent.trim() ?? area.name, "aria-describedby": area.getAttribute("aria-describedby") ?? "" }),
        cm.EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          area.value = update.state.doc.toString();
          area.dispatchEvent(new Event("input", { bubbles: true }));
        }),
      ],
    });
    if (given) view.dispatch(cm.setDiagnostics(view.state, diagnostics(view.state.doc, given)));
    area.before(host);
    area.hidden = true;
    area.labels?.[0]?.addEventListener("click", () => view.focus());
    // Links like <a data-editor-line="12" href="#…"> go to the line.
    document.addEventListener("click", (event) => {
      const link = event.target.closest("[data-editor-line]");
      if (!link) return;
      event.preventDefault();
      const line = view.state.doc.line(Math.min(Number(link.dataset.editorLine), view.state.doc.lines));
      view.dispatch({ selection: { anchor: line.from }, effects: cm.EditorView.scrollIntoView(line.from, { y: "center" }) });
      view.focus();
    });
  });
})();
