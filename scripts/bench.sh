#!/usr/bin/env bash
# Measures all that docs/benchmarks.md shows, and draws its plots. It takes about an hour, some 8 GB
# of disk below target/, and wants a machine that does nothing else.
#
#   scripts/bench.sh                     all
#   scripts/bench.sh store import peers  only these: store, import, evaluate, task, python, peers, plot
#   SMALL=1 scripts/bench.sh             at small sizes, to try it out
#
# What is printed stays in target/bench/<name>.txt, the figures in target/bench/results.jsonl.
set -euo pipefail
. "$(dirname "$0")/setup.sh"

need cc build-essential
need git git
need python3 python3
need_rust

parts=${*:-store import evaluate task peers python plot}
folder=$PWD/target/bench
results=$folder/results.jsonl
mkdir -p "$folder"

if [ -n "${SMALL:-}" ]; then
  stores='1000 10000' images=1000 tasks=1000 evaluated='500' compared='1000 --evaluate 200'
else
  stores='10000 100000 1000000 10000000' images='10000 50000 100000' tasks='1000 10000'
  evaluated='5000 50000' compared='10000 --evaluate 5000'
fi

bench() {
  local name=$1
  shift
  say "$name"
  cargo bench -q -p ymir-benches --bench "$name" -- "$@" --out "$results" | tee "$folder/$name.txt"
}

for part in $parts; do
  # The sizes are words of their own.
  # shellcheck disable=SC2086
  case $part in
    store) bench store $stores ;;
    import) bench import $images ;;
    evaluate) bench evaluate $evaluated ;;
    task) bench task $tasks ;;
    peers)
      say peers
      cargo run -q --profile dist -p ymir-benches --bin peers -- $compared --out "$results" |
        tee "$folder/peers.txt"
      ;;
    python)
      say python
      # The environment is the one that the comparison has made.
      target/peers/ymir/bin/python bindings-python/benches/latency.py | tee "$folder/python.txt"
      ;;
    plot)
      say plot
      python3 -m venv target/peers/plot
      target/peers/plot/bin/pip install -q matplotlib
      target/peers/plot/bin/python benches/plot.py "$results" docs/benchmarks
      if [ -f "$folder/peers.txt" ]; then
        (echo '# The same work by the peers' && cat "$folder/peers.txt") >docs/benchmarks/peers.md
      fi
      ;;
    *)
      echo "there is no $part: store, import, evaluate, task, peers, python or plot" >&2
      exit 1
      ;;
  esac
done
