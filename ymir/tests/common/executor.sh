#!/bin/sh
# An executor for tests: obeys the contract, learns nothing. What it predicts follows from its
# inputs alone, so that results can be compared. Parameters: `fail` (train, infer, garbage, hang),
# `boxes` (0 for no predictions), `predict` (another class to predict), `lines` (lines of log to
# write first, ten a second).
set -eu
in=$(dirname "$YMIR_ENV_FILE")
value() { sed -n "s/^ *$1: *//p" "$2" | head -n 1 | tr -d "\"'"; }
config=$in/config.yaml
out=$(value root_dir "$in/env.yaml" >/dev/null; sed -n '/^output:/,$p' "$in/env.yaml" | sed -n 's/^ *root_dir: *//p' | head -n 1)
task=$(value task_id "$in/env.yaml")
fail=$(value fail "$config")
class=$(sed -n '/^class_names:/,$p' "$config" | sed -n 's/^ *- *//p' | head -n 1)
monitor() { printf '%s\t%s\t%s\t2\n' "$task" "$(date +%s)" "$1" >"$out/monitor.txt"; }

monitor 0.1
echo "executor starts"
if [ "$fail" = hang ]; then sleep 600; fi
lines=$(value lines "$config")
line=0
while [ "$line" -lt "${lines:-0}" ]; do
  line=$((line + 1))
  echo "line $line"
  sleep 0.1
done

if [ "$(value run_training "$in/env.yaml")" = true ]; then
  if [ "$fail" = train ]; then
    mkdir -p "$out/models/half"
    echo w >"$out/models/half/weights"
    printf '%s\t0\t0.5\t4\t300003\tbad image\n' "$task" >"$out/monitor.txt"
    echo "the image is bad" >&2
    exit 3
  fi
  mkdir -p "$out/models/best"
  cut -f 1 "$in/train-index.tsv" | xargs -n 1 basename | sort >"$out/models/best/weights"
  if [ "$fail" = garbage ]; then echo ': :' >"$out/models/result.yaml"; exit 0; fi
  cat >"$out/models/result.yaml" <<END
best_stage_name: best
mAP: 0.5
model_stages:
  best: {stage_name: best, files: [weights], timestamp: 1700000000, mAP: 0.5}
END
fi

if [ "$(value run_infer "$in/env.yaml")" = true ]; then
  [ "$fail" = infer ] && exit 4
  boxes=$(value boxes "$config")
  predict=$(value predict "$config")
  class=${predict:-$class}
  printf '{"detection": {' >"$out/infer-result.json"
  comma=
  while read -r asset; do
    name=$(basename "$asset")
    box='{"box": {"x": 4, "y": 4, "w": 24, "h": 24}, "class_name": "'$class'", "score": 0.9}'
    [ "${boxes:-1}" = 0 ] && box=
    printf '%s"%s": {"boxes": [%s]}' "$comma" "$name" "$box" >>"$out/infer-result.json"
    comma=,
  done <"$in/candidate-index.tsv"
  printf '}}\n' >>"$out/infer-result.json"
fi

if [ "$(value run_mining "$in/env.yaml")" = true ]; then
  # The later in the order of names, the higher.
  sort -r "$in/candidate-index.tsv" | awk '{ printf "%s\t%f\n", $1, 1 / NR }' >"$out/result.tsv"
fi
monitor 1.0
echo "executor ends"
