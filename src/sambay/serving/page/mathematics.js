// Mathematics in text: where it is, and how KaTeX sets it.
import { element } from "./elements.js";

// A dollar opens only before, and closes only behind, something that is no space, so that prices stay prices.
const MATH =
  /\$\$([\s\S]+?)\$\$|\\\[([\s\S]+?)\\\]|\\\(([\s\S]+?)\\\)|\$(?![\s$])((?:\\.|[^$\\\n])+?)(?<!\s)\$(?!\d)|(\\begin\{(\w+\*?)\}[\s\S]+?\\end\{\6\})|(\\boxed\{)/g;

/** The text as [{text}] and [{tex, isDisplay, source}]; a box outside of formulas is one. */
export function segments(text) {
  const found = [];
  let end = 0;
  MATH.lastIndex = 0;
  for (let match; (match = MATH.exec(text)); ) {
    let stop = MATH.lastIndex;
    let tex = match[1] ?? match[2] ?? match[3] ?? match[4] ?? match[5];
    if (match[7]) {
      stop = closing(text, stop);
      if (stop < 0) continue; // not all of it has come yet
      tex = boxed(text.slice(match.index, stop));
      MATH.lastIndex = stop;
    }
    if (match.index > end) found.push({ text: text.slice(end, match.index) });
    const isDisplay = Boolean(match[1] ?? match[2] ?? match[5]);
    found.push({ tex, isDisplay, source: text.slice(match.index, stop) });
    end = stop;
  }
  if (end < text.length) found.push({ text: text.slice(end) });
  return found;
}

function closing(text, start) {
  let depth = 1;
  for (let index = start; index < text.length; index++) {
    depth += { "{": 1, "}": -1 }[text[index]] ?? 0;
    if (depth === 0) return index + 1;
  }
  return -1;
}

/** Programs write 3*x**2 and words into a box: set as a person would write them. */
function boxed(tex) {
  const inner = tex.slice("\\boxed{".length, -1);
  if (/^[^\\{}$^_]*\p{L}{2,}[^\\{}$^_]*$/u.test(inner)) return `\\boxed{\\text{${inner.replace(/[%#&]/g, "\\$&")}}}`;
  return `\\boxed{${typeset(inner)}}`;
}

/** An expression of a program's spelling as LaTeX: 3*x**2/4 as 3 x^{2}/4. */
export function typeset(expression) {
  return expression
    .replace(/\*\* ?(?:\((-?[\w/]+)\)|(-?\w+))/g, (_, inner, plain) => `^{${inner ?? plain}}`)
    .replace(/(\d) ?\* ?(?=[a-zA-Z(])/g, "$1\\,")
    .replace(/ ?\* ?/g, " \\cdot ")
    .replace(/%/g, "\\%");
}

/** An exercise's answer, which is spelled as programs read it: 3*x**2/4, 4/11, Tuesday, 14:35. */
export function answerNode(answer) {
  const fraction = /^(-?)(\d+)\/(\d+)$/.exec(answer);
  if (!fraction && !/[*^\\/]/.test(answer)) return element("strong", {}, answer);
  const tex = fraction ? `${fraction[1]}\\tfrac{${fraction[2]}}{${fraction[3]}}` : typeset(answer);
  return formula({ tex, isDisplay: false, source: answer });
}

/** A node that shows the formula; its source, where KaTeX cannot read it. */
export function formula({ tex, isDisplay, source }) {
  const place = element("span", { class: isDisplay ? "display-math" : "math" });
  try {
    const limits = { maxSize: 20, maxExpand: 300, trust: false, strict: "ignore" };
    globalThis.katex.render(tex, place, { displayMode: isDisplay, throwOnError: true, ...limits });
    return place;
  } catch {
    return element("code", {}, source);
  }
}

/** Text with its formulas, nothing else changed. */
export function withFormulas(text) {
  const nodes = segments(text).map((one) => ("text" in one ? document.createTextNode(one.text) : formula(one)));
  const made = document.createDocumentFragment();
  made.append(...nodes);
  return made;
}
