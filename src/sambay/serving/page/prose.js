// A reply's Markdown as nodes: paragraphs, headings, lists, tables, code, emphasis and formulas. No links, no images.
import { element } from "./elements.js";
import { formula, segments, withFormulas } from "./mathematics.js";

const FENCE = /^ {0,3}(```|~~~)/;
const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const TABLE_LINE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;
// Emphasis begins and ends at words' edges, so that 3*4*5 and snake_case stay as they are.
const INLINE = /(`+)([^`]|[^`][\s\S]*?[^`])\1(?!`)|(?<![\w*])\*\*(?=\S)([\s\S]+?)(?<=\S)\*\*(?![\w*])|(?<![\w*])\*(?=[^\s*])([^*\n]+?)(?<=\S)\*(?![\w*])/g;

/** Shows a reply in `place`. */
export function showProse(place, text) {
  showBlocks(place, blocks(text), block);
}

/** Shows a thought in `place`: as it was written, but for its formulas. */
export function showThought(place, text) {
  showBlocks(place, thoughtLines(text), (source) => element("div", {}, withFormulas(source)));
}

/** Blocks that are there already stay untouched, so a growing reply costs its last block. */
function showBlocks(place, sources, made) {
  sources.forEach((source, index) => {
    const old = place.children[index];
    if (old?.source === source) return;
    const fresh = made(source);
    fresh.source = source;
    if (old) old.replaceWith(fresh);
    else place.append(fresh);
  });
  while (place.children.length > sources.length) place.lastElementChild.remove();
}

/** The text cut at blank lines outside of fences and displayed formulas. */
export function blocks(text) {
  const found = [];
  let lines = [];
  let fence = null;
  let math = null; // the sign that has opened a displayed formula
  const close = () => {
    if (lines.length) found.push(lines.join("\n"));
    lines = [];
  };
  for (const line of text.split("\n")) {
    const mark = FENCE.exec(line)?.[1];
    if (fence) {
      lines.push(line);
      if (mark === fence) { fence = null; close(); }
    } else if (mark && !math) {
      close();
      fence = mark;
      lines.push(line);
    } else if (!line.trim() && !math) {
      close();
    } else {
      const isAlone = !math && (HEADING.test(line) || RULE.test(line)) && !ITEM.test(line);
      if (isAlone || (!math && beginsList(line, lines))) close();
      lines.push(line);
      math = mathAfter(math, line);
      if (isAlone && !math) close();
    }
  }
  close();
  return found;
}

/** Whether a list begins right below a paragraph: with a bullet or with its first number. */
function beginsList(line, before) {
  const item = ITEM.exec(line);
  return item !== null && before.length > 0 && !ITEM.test(before[0]) && /^([-*+]|1[.)])$/.test(item[2]);
}

/** Each line with the empty ones before it; a displayed formula counts as one line. */
function thoughtLines(text) {
  const found = [];
  let lines = [];
  let math = null;
  for (const line of text.split("\n")) {
    lines.push(line);
    math = mathAfter(math, line);
    if (line.trim() && !math) {
      found.push(lines.join("\n"));
      lines = [];
    }
  }
  return lines.length ? [...found, lines.join("\n")] : found;
}

/** The sign of a displayed formula that is open after `line`, null where none is; open: the one before it. */
function mathAfter(open, line) {
  for (const [sign] of line.matchAll(/\\\[|\\\]|\$\$/g)) {
    if (!open) open = sign === "\\]" ? null : sign;
    else if (sign === (open === "$$" ? "$$" : "\\]")) open = null;
  }
  return open;
}

function block(source) {
  const lines = source.split("\n");
  const heading = HEADING.exec(lines[0]);
  if (FENCE.test(lines[0])) return fenced(lines);
  if (heading) return element(`h${Math.min(heading[1].length + 2, 6)}`, {}, inline(heading[2]));
  if (RULE.test(source)) return element("hr");
  if (lines.length > 1 && lines[0].includes("|") && TABLE_LINE.test(lines[1])) return table(lines);
  if (ITEM.test(lines[0])) return list(lines);
  return element("p", {}, inline(source));
}

function fenced(lines) {
  const isClosed = lines.length > 1 && FENCE.test(lines.at(-1));
  const code = lines.slice(1, isClosed ? -1 : undefined).join("\n");
  return element("pre", { tabindex: "0" }, element("code", {}, code));
}

function table(lines) {
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => inline(cell.trim()));
  const head = element("tr", {}, ...cells(lines[0]).map((cell) => element("th", { scope: "col" }, cell)));
  const rows = lines.slice(2).map((line) => element("tr", {}, ...cells(line).map((cell) => element("td", {}, cell))));
  const made = element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
  return element("div", { class: "wide-table", tabindex: "0" }, made);
}

/** Items by their indent; a line that is none goes on with the item before it. */
function list(lines) {
  const indent = ITEM.exec(lines[0])[1].length;
  const first = ITEM.exec(lines[0])[2];
  const isOrdered = /\d/.test(first);
  const made = element(isOrdered ? "ol" : "ul", isOrdered ? { start: parseInt(first, 10) } : {});
  let inner = [];
  const close = () => {
    if (!inner.length) return;
    const nested = inner.findIndex((line, index) => index > 0 && ITEM.test(line));
    const text = inner.slice(0, nested < 0 ? undefined : nested).join("\n");
    const item = element("li", {}, inline(text));
    if (nested > 0) item.append(list(inner.slice(nested)));
    made.append(item);
  };
  for (const line of lines) {
    const item = ITEM.exec(line);
    if (item && item[1].length <= indent) {
      close();
      inner = [item[3]];
    } else inner.push(item ? line : line.trim());
  }
  close();
  return made;
}

/** Emphasis and code around formulas; line breaks stay, as a worked solution needs them. */
function inline(text) {
  const made = document.createDocumentFragment();
  const held = []; // formulas, so that their stars and underscores are no emphasis
  const plain = segments(text)
    .map((one) => ("text" in one ? one.text : `\uE000${held.push(one) - 1}\uE001`))
    .join("");
  emphasised(plain, held, made);
  return made;
}

function emphasised(text, held, into) {
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    restored(text.slice(end, match.index), held, into);
    end = match.index + match[0].length;
    const [, , code, strong, weak] = match;
    const node = element(code !== undefined ? "code" : strong !== undefined ? "strong" : "em");
    if (code !== undefined) node.append(sourceOf(code, held));
    else emphasised(strong ?? weak, held, node);
    into.append(node);
  }
  restored(text.slice(end), held, into);
}

function restored(text, held, into) {
  text.split(/\uE000(\d+)\uE001/).forEach((part, index) => {
    if (index % 2) into.append(formula(held[part]));
    else if (part) into.append(part);
  });
}

function sourceOf(code, held) {
  return code.replace(/\uE000(\d+)\uE001/g, (_, index) => held[index].source);
}
