// How able a learner is: Elo ratings, with the levels of exercises as opponents of fixed strength.

/** What a level is rated at. A learner of the same rating solves every second exercise of it. */
export const LEVELS = { 1: 1000, 2: 1150, 3: 1300, 4: 1450 };
/** Exercises are chosen so that about so many are solved: hard enough to learn from, easy enough to go on. */
export const AIMED = 0.7;
const START = 1150; // level 1 is then solved as often as aimed
const MOST_ROUNDS = 300; // that are remembered

export function newLearner() {
  return { overall: { rating: START, rounds: 0 }, topics: {}, rounds: [] };
}

/** Whether what was found in the browser's storage is a learner of this version. */
export function isLearner(found) {
  const areFinite = (...numbers) => numbers.every(Number.isFinite);
  const isRound = ({ topic, before, after } = {}) =>
    typeof topic === "string" && areFinite(before?.inTopic, before?.overall, after?.inTopic, after?.overall);
  return areFinite(found.overall?.rating, found.overall?.rounds) && Array.isArray(found.rounds) && found.rounds.every(isRound)
    && Object.values(found.topics ?? [null]).every((part) => areFinite(part?.offset, part?.rounds));
}

/** The probability of solving an exercise: 1 / (1 + 10^((level - rating) / 400)). */
export function expected(rating, level) {
  return 1 / (1 + 10 ** ((LEVELS[level] - rating) / 400));
}

/** A topic's rating is the overall one and what the topic is above or below it; without a topic, the overall one. */
export function ratingOf(learner, topic = null) {
  return learner.overall.rating + (learner.topics[topic]?.offset ?? 0);
}

/** The level whose probability is nearest to the aim. */
export function levelFor(rating) {
  const distance = (level) => Math.abs(expected(rating, level) - AIMED);
  return Object.keys(LEVELS).map(Number).reduce((best, level) => (distance(level) < distance(best) ? level : best));
}

/** The rating from which on a level is chosen rather than the one below: midway between the two aims. */
export function threshold(level) {
  let [low, high] = [LEVELS[level] - 1000, LEVELS[level] + 1000];
  while (high - low > 0.5) {
    const middle = (low + high) / 2;
    if (levelFor(middle) >= level) high = middle;
    else low = middle;
  }
  return Math.round(high);
}

/** Takes a marked exercise in. Half of the surprise goes to the overall rating, half to the topic's offset. */
export function learn(learner, { topic, family, level, isRight }) {
  const part = (learner.topics[topic] ??= { offset: 0, rounds: 0 });
  const ratings = () => ({ inTopic: ratingOf(learner, topic), overall: ratingOf(learner) });
  const before = ratings();
  const surprise = Number(isRight) - expected(before.inTopic, level);
  learner.overall.rating += (step(learner.overall.rounds++) * surprise) / 2;
  part.offset += (step(part.rounds++) * surprise) / 2;
  learner.rounds = [...learner.rounds, { topic, family, level, isRight, before, after: ratings() }].slice(-MOST_ROUNDS);
}

/** Large while little is known of the learner, then steady: 200, 147, 120, …, 40. */
function step(numRounds) {
  return 40 + 160 / (1 + numRounds / 2);
}
