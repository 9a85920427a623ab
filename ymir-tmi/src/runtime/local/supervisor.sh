# Runs one program for YMIR and records how it ended, whatever becomes of the process that started
# this. Usage: sh <dir>/run/supervisor SETSID PROGRAM, in <dir>; SETSID may be empty.

run=${0%/*} setsid=$1 program=$2
PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin

# Prints the number, start, boot and host of the shell that calls it, a line each.
identity() {
  if { read -r stat </proc/self/stat; } 2>/dev/null; then
    echo "${stat%% *}"
    set -- ${stat##*) }
    echo "${20}"
    read -r boot </proc/sys/kernel/random/boot_id
    echo "$boot"
  else
    pid=$(exec sh -c 'echo "$PPID"')
    echo "$pid"
    echo $(LC_ALL=C ps -o lstart= -p "$pid")
    sysctl -n kern.bootsessionuuid 2>/dev/null || echo
  fi
  uname -n
}

# Prints how often the kernel has killed for lack of memory since boot.
kills() {
  { while read -r name value; do
    if [ "$name" = oom_kill ]; then echo "$value"; return; fi
  done; } 2>/dev/null </proc/vmstat
  echo 0
}

trap 'again=1' HUP INT TERM

# Of several that are started only the one that creates this file goes on.
set -C
identity >"$run/supervisor.id" || exit 0
set +C
before=$(kills 2>/dev/null)
# The end fits into what is written now, should the disk be full by then.
printf '%-63s\n' '' >"$run/exit.new"

# The program leads a group of its own: by setsid, or as a job.
[ -n "$setsid" ] || set -m
(
  identity >"$run/program.new" && mv "$run/program.new" "$run/program.id" || exit 126
  [ ! -e "$run/stop" ] || exit 143
  . "$run/environment"
  exec $setsid "$program"
) </dev/null >>"$run/stdout" 2>>"$run/stderr" &
program=$!
set +m

# A signal to this shell interrupts the waiting.
while
  again=
  wait "$program"
  status=$?
  [ -n "$again" ] && kill -0 "$program"
do :; done
# What is left of the group ends with its leader.
kill -s KILL -- "-$program"

after=$(kills 2>/dev/null)
printf '%-63s\n' "$status $((${after:-0} - ${before:-0}))" 1<>"$run/exit.new"
sync "$run/exit.new"
mv "$run/exit.new" "$run/exit"
sync "$run"
