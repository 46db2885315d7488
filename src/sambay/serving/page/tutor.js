// The tutor: which exercise comes next, and what is known of the learner. All of it stays in this browser.
import { byId, element, isSure } from "./elements.js";
import { ExerciseCard } from "./exercise.js";
import { forget, keep, kept, newConversation } from "./kept.js";
import { plot } from "./plot.js";
import { isLearner, learn, levelFor, newLearner, ratingOf } from "./rating.js";
import { getJson } from "./server.js";

const LEARNER = "sambay.learner";
const CURRENT = "sambay.exercise"; // so that leaving the page is no way around an exercise
const MIXED = "A bit of everything";

class Tutor {
  constructor(model, openInChat) {
    this.model = model;
    this.openInChat = openInChat;
    this.learner = kept(LEARNER, newLearner(), isLearner);
    this.topics = null; // [{name, families}], from the server
    this.topic = MIXED;
    this.card = null;
    this.frame();
    byId("tutor").addEventListener("shown", () => this.start());
  }

  frame() {
    this.select = element("select", { id: "topic", onchange: () => this.choose(this.select.value) });
    this.place = element("div", { class: "place" });
    this.progress = element("aside", { class: "progress", "aria-label": "Your progress" });
    const head = element("div", { class: "topic" }, element("label", { for: "topic" }, "Topic"), this.select);
    byId("tutor").append(element("div", { class: "tutor" },
      element("div", { class: "desk" }, element("h1", { class: "unseen" }, "Tutor"), head, this.place), this.progress));
    this.showProgress();
  }

  async start() {
    if (this.topics || this.isStarting) return;
    this.isStarting = true;
    try {
      this.topics = (await getJson("tutor/families")).topics;
      const names = [MIXED, ...this.topics.map((one) => one.name)];
      this.select.replaceChildren(...names.map((name) => element("option", { value: name }, name)));
      const current = kept(CURRENT, null);
      if (names.includes(current?.chosen)) this.topic = current.chosen;
      this.select.value = this.topic;
      this.showProgress();
      await this.load(current ?? this.draw());
    } catch (error) {
      this.fail(error, () => this.start());
    } finally {
      this.isStarting = false;
    }
  }

  choose(topic) {
    this.topic = topic;
    this.showProgress();
    return this.next();
  }

  // ---------------------------------------------------------------------------------------------- exercises

  next() {
    const drawn = this.draw();
    return this.load(drawn).then(() => this.card?.input.focus());
  }

  /** A family of the topic at the level that fits; of everything, rather a topic that came seldom. */
  draw() {
    const topic = this.topic === MIXED ? this.seldomTopic() : this.topics.find((one) => one.name === this.topic);
    const last = this.learner.rounds.at(-1)?.family;
    const families = topic.families.filter((name) => name !== last);
    const family = families[Math.floor(Math.random() * families.length)];
    const level = levelFor(ratingOf(this.learner, topic.name));
    return { chosen: this.topic, topic: topic.name, family, level, seed: Math.floor(Math.random() * 2 ** 53), isMarked: false };
  }

  seldomTopic() {
    const weights = this.topics.map((one) => 1 / (1 + (this.learner.topics[one.name]?.rounds ?? 0)));
    let left = Math.random() * weights.reduce((sum, weight) => sum + weight, 0);
    return this.topics.find((_, index) => (left -= weights[index]) < 0) ?? this.topics[0];
  }

  async load(current) {
    const { family, level, seed } = current;
    this.card?.close();
    try {
      const query = new URLSearchParams({ family, level, seed });
      const exercise = await getJson(`tutor/exercise?${query}`);
      this.current = current;
      keep(CURRENT, current);
      this.card = new ExerciseCard(exercise, {
        title: `${current.topic}, level ${level}`,
        model: this.model,
        isMarked: current.isMarked,
        onMarked: (isRight) => this.take(isRight),
        next: () => this.next(),
        discuss: (messages) => this.discuss(messages),
      });
      this.place.replaceChildren(this.card.node);
    } catch (error) {
      forget(CURRENT);
      this.fail(error, () => this.load(this.draw()));
    }
  }

  fail(error, retry) {
    const button = element("button", { type: "button", class: "quiet", onclick: retry }, "Try again");
    const text = element("div", { role: "alert" }, element("p", {}, error.message));
    this.place.replaceChildren(element("div", { class: "message error" }, text, button));
  }

  /** The first mark of an exercise counts. Returns what changed, in words. */
  take(isRight) {
    const { topic, family, level } = this.current;
    learn(this.learner, { topic, family, level, isRight });
    keep(LEARNER, this.learner);
    this.current.isMarked = true;
    keep(CURRENT, this.current);
    this.showProgress();
    const next = levelFor(ratingOf(this.learner, topic));
    if (next === level) return "";
    return next > level ? `On to level ${next} in this topic.` : `The next one will be of level ${next}.`;
  }

  discuss(messages) {
    this.openInChat({ ...newConversation(), messages });
    location.hash = "#chat";
  }

  // ----------------------------------------------------------------------------------------------- progress

  showProgress() {
    const isMixed = this.topic === MIXED;
    const scale = isMixed ? "overall" : "inTopic";
    const rounds = this.learner.rounds.filter((one) => isMixed || one.topic === this.topic)
      .map(({ before, after, isRight }) => ({ before: before[scale], after: after[scale], isRight }));
    const rating = ratingOf(this.learner, isMixed ? null : this.topic);
    const numRight = rounds.filter((one) => one.isRight).length;
    const share = rounds.length ? `${numRight} of ${rounds.length}` : "–";
    const numbers = [["Rating", Math.round(rating)], ["Level", levelFor(rating)], ["Right", share]];
    const list = numbers.flatMap(([name, value]) => [element("div", {}, element("dt", {}, name), element("dd", {}, String(value)))]);
    const reset = element("button", { type: "button", class: "quiet danger", hidden: !this.learner.rounds.length, onclick: () => this.reset() }, "Start anew");
    this.progress.replaceChildren(element("h2", {}, isMixed ? "Your progress" : `Your progress: ${this.topic}`),
      element("dl", {}, ...list), plot(rounds, rating),
      element("p", { class: "note" }, "Right answers raise the rating, and with it the level, so that about seven of ten exercises are solved. It is kept in this browser only."), reset);
  }

  async reset() {
    if (!(await isSure("Delete your rating and start anew?"))) return;
    this.learner = newLearner();
    forget(LEARNER);
    this.showProgress();
    await this.next();
  }
}

/** model(): a promise of the served model; openInChat(conversation). */
export function startTutor(model, openInChat) {
  return new Tutor(model, openInChat);
}
