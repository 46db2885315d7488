// The learner's rating as a line over the last exercises, on the bands of the levels.
import { svg } from "./elements.js";
import { LEVELS, threshold } from "./rating.js";

const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM, RIGHT] = [320, 170, 6, 10, 10, 12];
const MOST = 30; // rounds

/** rounds: [{before, after, isRight}], the latest last; rating: that of now. */
export function plot(rounds, rating) {
  const shown = rounds.slice(-MOST);
  const values = [shown[0]?.before ?? rating, ...shown.map((one) => one.after)];
  const low = Math.min(...values, threshold(2) - 100) - 20;
  const high = Math.max(...values, threshold(3) + 40) + 20;
  const y = (rating) => TOP + ((high - rating) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const x = (index) => LEFT + (index / Math.max(values.length - 1, 8)) * (WIDTH - LEFT - RIGHT);
  const points = values.map((rating, index) => [x(index), y(rating)]);
  const dots = shown.map((one, index) => dot(points[index + 1], one.isRight));
  const line = svg("polyline", { class: "curve", points: points.map((point) => point.join(",")).join(" ") });
  const label = inWords(shown);
  return svg("svg", { class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
    ...bands(y, low, high), line, ...dots);
}

function bands(y, low, high) {
  return Object.keys(LEVELS).map(Number).flatMap((level) => {
    const from = Math.max(level > 1 ? threshold(level) : low, low);
    const to = Math.min(level + 1 in LEVELS ? threshold(level + 1) : high, high);
    if (to <= from) return [];
    const height = y(from) - y(to);
    const band = svg("rect", { class: `band band-${level % 2}`, x: 0, y: y(to), width: WIDTH, height });
    if (height < 14) return [band];
    return [band, svg("text", { x: WIDTH - 6, y: y(to) + 12, "text-anchor": "end" }, `level ${level}`)];
  });
}

/** A full dot for right, a cross for wrong: the colour says the same once more. */
function dot([x, y], isRight) {
  if (isRight) return svg("circle", { class: "right", cx: x, cy: y, r: 3.5 });
  return svg("path", { class: "wrong", d: `M${x - 3.5} ${y - 3.5}l7 7m0 -7l-7 7` });
}

function inWords(shown) {
  if (!shown.length) return "Your rating: no exercises yet.";
  const numRight = shown.filter((one) => one.isRight).length;
  const [from, to] = [shown[0].before, shown.at(-1).after].map(Math.round);
  return `Your rating over the last ${shown.length} exercises, ${numRight} of them right: from ${from} to ${to}.`;
}
