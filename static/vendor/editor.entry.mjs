// What static/slipway/js/editor.js needs of CodeMirror 6, as one global: window.CodeMirrorForSlipway.
export { basicSetup } from "codemirror";
export { indentWithTab } from "@codemirror/commands";
export { yaml } from "@codemirror/lang-yaml";
export { HighlightStyle, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
export { dockerFile } from "@codemirror/legacy-modes/mode/dockerfile";
export { forceLinting, lintGutter, linter, setDiagnostics } from "@codemirror/lint";
export { unifiedMergeView } from "@codemirror/merge";
export { Compartment, EditorState } from "@codemirror/state";
export { EditorView, keymap } from "@codemirror/view";
export { tags } from "@lezer/highlight";
