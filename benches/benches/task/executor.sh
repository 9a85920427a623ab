#!/bin/sh
# The least that an executor can do. It writes when it began, when it ended and, with the parameter
# `steps`, when it told its progress, in nanoseconds, so that the rest of a task's time can be told
# from its own.
set -eu
now() { date +%s%N; }
echo "begins $(now)"
in=$(dirname "$YMIR_ENV_FILE")
out=$in/../out
value() { sed -n "s/^ *$1: *//p" "$2" | head -n 1 | tr -d "\"'"; }
task=$(value task_id "$in/env.yaml")
class=$(sed -n '/^class_names:/,$p' "$in/config.yaml" | sed -n 's/^ *- *//p' | head -n 1)
steps=$(value steps "$in/config.yaml")

step=1
while [ "$step" -le "${steps:-0}" ]; do
  sleep 0.3
  percent=$(printf '0.%02d' "$step")
  printf '%s\t%s\t%s\t2\n' "$task" "$(date +%s)" "$percent" >"$out/monitor.txt"
  echo "wrote $percent $(now)"
  step=$((step + 1))
done

if [ "$(value run_training "$in/env.yaml")" = true ]; then
  mkdir -p "$out/models/best"
  echo weights >"$out/models/best/weights"
  cat >"$out/models/result.yaml" <<END
best_stage_name: best
mAP: 0.5
model_stages:
  best: {stage_name: best, files: [weights], timestamp: 1700000000, mAP: 0.5}
END
fi
if [ "$(value run_infer "$in/env.yaml")" = true ]; then
  awk -F / -v class="$class" '
    BEGIN { printf "{\"detection\": {" }
    {
      printf "%s\"%s\": {\"boxes\": [{\"box\": {\"x\": 4, \"y\": 4, \"w\": 24, \"h\": 24}, ", comma, $NF
      printf "\"class_name\": \"%s\", \"score\": 0.9}]}", class
      comma = ", "
    }
    END { print "}}" }' "$in/candidate-index.tsv" >"$out/infer-result.json"
fi
if [ "$(value run_mining "$in/env.yaml")" = true ]; then
  awk '{ printf "%s\t%f\n", $1, 1 / NR }' "$in/candidate-index.tsv" >"$out/result.tsv"
fi
printf '%s\t%s\t1.0\t3\n' "$task" "$(date +%s)" >"$out/monitor.txt"
echo "ends $(now)"
