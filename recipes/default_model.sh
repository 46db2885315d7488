#!/usr/bin/env bash
# The default model from nothing: tokenizer, learning rate, comparison, pre-training, fine-tuning, selection, scores, package.
#
#   recipes/default_model.sh                run it again until it prints "done": a step that is finished is skipped, a run
#                                           that was stopped or killed goes on from its newest checkpoint
#   MINUTES=8 recipes/default_model.sh      each training run saves and stops after so long, for GPU time in pieces
#   TINY=1 recipes/default_model.sh         the same steps on a CPU, about five minutes of one core: a model that learns next to nothing
#
# OUT: where to write (runs/default_model). PROBLEMS: questions of each task (500). SAMBAY: the command (sambay).
set -euo pipefail
cd "$(dirname "$0")/.."

TINY=${TINY:-0}
OUT=${OUT:-runs/default_model$([ "$TINY" = 1 ] && echo _tiny || true)}
SAMBAY=${SAMBAY:-sambay}
RATES="1e-3 2e-3 4e-3 8e-3"       # tried on the narrow model; the best is carried to the full one by µP++
CHOICE="curriculum@level2"        # what rates, architectures and stages are chosen by: test problems of another seed
CHOICE_SEED=1
TASKS="curriculum dialogues"
OTHER_TASKS="curriculum@wordings curriculum@harder dialogues@wordings gym"
NARROW_TOKENS=50000000 COMPARE_TOKENS=200000000 VOCABULARY=4096
PROBLEMS=${PROBLEMS:-500} CHOICE_PROBLEMS=20 REPLY_TOKENS=512
DEPTH=12 NARROW_DEPTH=4
MORE=()                           # --set options for every run
FINETUNE=()
if [ "$TINY" = 1 ]; then
  RATES="4e-3 8e-3" CHOICE="addition@level1" TASKS="addition dialogues" OTHER_TASKS="addition@wordings addition@harder gym:chain_sum"
  NARROW_TOKENS=16384 COMPARE_TOKENS=16384 VOCABULARY=1024 PROBLEMS=8 CHOICE_PROBLEMS=8 REPLY_TOKENS=24
  DEPTH=8
  MORE=(--set device=cpu --set precision=float32 --set sequence_tokens=128 --set batch_tokens=2048
        --set base_batch_tokens=2048 --set micro_batch_rows=16 --set warmup_tokens=2048 --set is_progress_shown=false --set is_compiled=false)
  FINETUNE=(--set total_tokens=16384)
fi
if [ -n "${MINUTES:-}" ]; then MORE+=(--set "max_minutes=$MINUTES"); fi
mkdir -p "$OUT"

say() { printf '\n== %s\n' "$*"; }

# sizes ARCHITECTURE DEPTH: the fields of a model of that depth; 28 columns of width and one head (two halves) a layer, the
# MLPs such that all three have 20.9 million parameters at depth 12
sizes() {
  local heads=$2 width=32 mlp
  case $1 in
    sambayda) mlp=280 ;;
    sambayoco) heads=$(($2 / 2)) width=64 mlp=288 ;;
    transformer) heads=$(($2 / 2)) width=64 mlp=308 ;;
  esac
  local groups=$((heads / 2)) window=", sliding_window: 128"
  if [ "$1" = transformer ]; then window=""; fi
  echo "{vocab_size: $VOCABULARY, hidden_size: $((28 * $2)), intermediate_size: $((mlp * $2 / 3)), num_attention_heads: $heads," \
    "num_key_value_heads: $groups, head_dim: $width, max_position_embeddings: 4096$window}"
}

# run NAME CONFIG OPTION...: trains into $OUT/NAME, unless it is trained. Ends the script if the run was stopped.
run() {
  local name=$1 config=$2; shift 2
  if [ -f "$OUT/$name/model/tokenizer.json" ]; then return; fi
  say "$name"
  $SAMBAY train "$config" --set "output=$OUT/$name" "$@" ${MORE[@]+"${MORE[@]}"}
  if [ ! -f "$OUT/$name/model/tokenizer.json" ]; then
    echo "stopped in $name: run this script again to go on"
    exit 0
  fi
}

curriculum() { echo "{tokenizer: $OUT/tokenizer, workers: $([ "$TINY" = 1 ] && echo 0 || echo 12)$1}"; }

# measure NAME MODEL PROBLEMS SEED TASK...: scores in $OUT/scores/NAME.json, replies beside it
measure() {
  local name=$1 model=$2 problems=$3 seed=$4; shift 4
  if [ -f "$OUT/scores/$name.json" ]; then return; fi
  say "measure $name"
  $SAMBAY eval "$model" "$@" --problems "$problems" --seed "$seed" --max-new-tokens "$REPLY_TOKENS" \
    --output "$OUT/scores/$name.jsonl" --report "$OUT/scores/$name.json"
}

# best NAME...: the one whose choice-<NAME> has the best pass@1; of equals the first
best() {
  python3 - "$OUT/scores" "$@" <<'PYTHON'
import json, pathlib, sys

folder, *names = sys.argv[1:]
scores = [json.loads(pathlib.Path(folder, f"choice-{name}.json").read_text())["scores"]["all"] for name in names]
print(max(zip(names, scores), key=lambda pair: pair[1]["pass_at_1"])[0])  # max keeps the first of equals
PYTHON
}

# lowest RATE...: the one whose narrow run ended with the lowest loss, over its last tenth of steps
lowest() {
  python3 - "$OUT" "$@" <<'PYTHON'
import json, pathlib, sys

folder, *rates = sys.argv[1:]
def end(rate):
    lines = pathlib.Path(folder, f"narrow-{rate}", "metrics.jsonl").read_text().splitlines()
    losses = [loss for line in lines if (loss := json.loads(line)["loss"]) is not None]
    last = losses[-max(1, len(losses) // 10):]
    return sum(last) / len(last)
ends = {rate: end(rate) for rate in rates}
print(*(f"{rate}: {loss:.4f}" for rate, loss in ends.items()), sep=", ", file=sys.stderr)
print(min(ends, key=ends.get))
PYTHON
}

# --- 1. The tokenizer
if [ ! -f "$OUT/tokenizer/tokenizer.json" ]; then
  say "tokenizer"
  $SAMBAY curriculum --tokenizer "$OUT/tokenizer" --vocabulary "$VOCABULARY"
fi

# --- 2. The learning rate, on a narrow model: µP++ keeps it across depths, whose widths are in proportion
for rate in $RATES; do
  run "narrow-$rate" recipes/default_model.yaml --set "model=sambayda_d$NARROW_DEPTH" \
    --set "model_overrides=$(sizes sambayda $NARROW_DEPTH)" --set "curriculum=$(curriculum '')" --set "base_depth=$DEPTH" \
    --set "total_tokens=$NARROW_TOKENS" --set "base_learning_rate=$rate" --set schedule=linear
done
RATE=$(lowest $RATES)
say "learning rate $RATE"

# --- 3. The same tokens for three architectures
for architecture in sambayda transformer sambayoco; do
  run "compare-$architecture" recipes/default_model.yaml --set "model=${architecture}_d$DEPTH" \
    --set "model_overrides=$(sizes $architecture $DEPTH)" --set "curriculum=$(curriculum '')" --set "base_depth=$DEPTH" \
    --set "total_tokens=$COMPARE_TOKENS" --set "base_learning_rate=$RATE" --set schedule=linear
  measure "choice-compare-$architecture" "$OUT/compare-$architecture/model" $CHOICE_PROBLEMS $CHOICE_SEED $CHOICE
done
say "best at equal tokens: $(best compare-sambayda compare-transformer compare-sambayoco); what ships is SambaY+DA all the same"

# --- 4. Pre-training, 5. fine-tuning on replies
run pretrain recipes/default_model.yaml --set "model=sambayda_d$DEPTH" --set "model_overrides=$(sizes sambayda $DEPTH)" \
  --set "curriculum=$(curriculum '')" --set "base_depth=$DEPTH" --set "base_learning_rate=$RATE" \
  $([ "$TINY" = 1 ] && echo --set total_tokens=65536 || true)
run finetune recipes/default_model_finetune.yaml --set "model=sambayda_d$DEPTH" \
  --set "model_overrides=$(sizes sambayda $DEPTH)" --set "initial_model=$OUT/pretrain/model" --set "base_depth=$DEPTH" --set "base_learning_rate=$RATE" \
  --set "curriculum=$(curriculum ', is_loss_on_replies_only: true, dialogue_fraction: 0.25, level_weights: [2, 2, 3]')" \
  ${FINETUNE[@]+"${FINETUNE[@]}"}

# --- 6. The better stage, by problems that the scores do not use
for stage in pretrain finetune; do
  measure "choice-$stage" "$OUT/$stage/model" $CHOICE_PROBLEMS $CHOICE_SEED $CHOICE
done
STAGE=$(best finetune pretrain)
say "ship the weights of $STAGE"

# --- 7. The package, and the scores of what is in it
if [ ! -f "$OUT/default_model/tokenizer.json" ]; then
  rm -rf "$OUT/default_model"
  say "package"
  $SAMBAY pack "$OUT/$STAGE/model" "$OUT/default_model"
fi
measure packed "$OUT/default_model" "$PROBLEMS" 0 $TASKS
measure plain "$OUT/$STAGE/model" "$PROBLEMS" 0 $TASKS
measure packed-further "$OUT/default_model" "$PROBLEMS" 0 $OTHER_TASKS
say "8-bit against plain weights"
$SAMBAY eval "$OUT/scores/packed.jsonl" --against "$OUT/scores/plain.jsonl"
say "done: copy $OUT/default_model to src/sambay/assets/default_model to ship it"
