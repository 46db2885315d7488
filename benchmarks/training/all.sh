#!/usr/bin/env bash
# Tests on the GPU and every benchmark of training, in about fifteen minutes of one H100; parts by name take less:
#
#     benchmarks/training/all.sh OUTPUT_FOLDER [tests|attention|norm|throughput ...]       # without names: all
#     SIZE=tiny benchmarks/training/all.sh OUTPUT_FOLDER attention norm throughput         # a try-out on a CPU
#
# Logs and JSON go to OUTPUT_FOLDER, the short table is printed last. PYTHON and COMMIT name the interpreter and, where
# there is no .git folder, the commit. A part that fails or runs out of its time does not stop the next; the exit status
# is 1 if one did.
set -u
cd "$(dirname "$0")/../.."
output=${1:?usage: benchmarks/training/all.sh OUTPUT_FOLDER [part ...]}
mkdir -p "$output"
output=$(cd "$output" && pwd)
shift
if [ $# -eq 0 ]; then set -- throughput attention tests norm; fi
python=${PYTHON:-python}
export PYTHONPATH=src${PYTHONPATH:+:$PYTHONPATH}
failed=0

part() {  # name, seconds, command ...
    local name=$1 limit=$2 began=$SECONDS status=0
    shift 2
    timeout --kill-after=10 "$limit" "$@" >"$output/$name.log" 2>&1 || status=$?
    if [ $status -ne 0 ]; then failed=1; fi
    echo "$name: exit status $status after $((SECONDS - began)) s of at most $limit" | tee -a "$output/summary.txt"
}

: >"$output/summary.txt"
for name in "$@"; do
    case "$name-${SIZE:-full}" in
        throughput-full)
            part throughput 450 "$python" benchmarks/training/throughput.py --minutes 7.2 \
                ${COMMIT:+--commit "$COMMIT"} --json "$output/throughput.json" ;;
        throughput-tiny)
            part throughput 120 "$python" benchmarks/training/throughput.py --json "$output/throughput.json" \
                --cases ours/tiny/eager transformers/tiny/eager --lengths 32 64 --batch-tokens 128 \
                --micro-batch-tokens 64 --warmup-steps 1 --timed-steps 1 ${COMMIT:+--commit "$COMMIT"} ;;
        attention-full) part attention 120 "$python" benchmarks/kernels/attention.py --json "$output/attention.json" ;;
        attention-tiny)
            part attention 120 "$python" benchmarks/kernels/attention.py --json "$output/attention.json" \
                --lengths 20 --check-lengths 24 --window 16 --repeats 1 ;;
        norm-full) part norm 60 "$python" benchmarks/kernels/norm.py --json "$output/norm.json" ;;
        norm-tiny)
            part norm 120 "$python" benchmarks/kernels/norm.py --json "$output/norm.json" --shapes 40x64 --repeats 1 \
                --kinds eager ;;
        tests-*)
            part tests 400 "$python" -m pytest -m gpu -q -p no:cacheprovider --maxfail=20 --durations=5 tests/model \
                tests/kernels tests/training ;;
        *) echo "unknown part ${name@Q} or size ${SIZE@Q}: allowed are tests, attention, norm, throughput; full, tiny" >&2
           exit 2 ;;
    esac
done
for name in "$@"; do
    echo
    echo "== $name"
    case $name in
        tests) grep -E "^(FAILED|ERROR|E  |[0-9]+ (passed|failed))|passed|failed" "$output/tests.log" | tail -40 ;;
        throughput) sed -n '/^case /,$p' "$output/throughput.log"; grep -E "^(wrong|nothing)" "$output/throughput.log" ;;
        *) grep -vE "Warning|^ *warn" "$output/$name.log" | tail -45 ;;
    esac
done | tee -a "$output/summary.txt"
exit $failed
