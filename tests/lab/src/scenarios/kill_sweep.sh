# Grows Docker's pool again and again, each time killed or failed at another system call, and looks after each what is left.
# One line for each strike on standard output, `case TARGET WHO WHAT ERROR N CALL`, and for each growth that is then whole,
# `complete by-itself` or `complete by-the-next-run`; or `bad …: what is wrong`, and the sweep goes on.

pool=$(dmsetup ls --target thin-pool | cut -f 1)
node=$(dmsetup info -c --noheadings -o blkdevname "$pool")
files=/var/lib/docker/devicemapper/devicemapper
data_loop=$(losetup -n -O NAME -j $files/data)
metadata_loop=$(losetup -n -O NAME -j $files/metadata)
block=0

# A device of our own in the pool: each write to a new block of it needs a new block of the pool.
probe() {
  dmsetup message "$pool" 0 "create_thin 300000"
  dmsetup create probe --table "0 8388608 thin /dev/mapper/$pool 300000"
}

# Sets bytes of the data and of the metadata, and all sizes below and above them.
look() {
  local metadata used
  set -- $(dmsetup status --noflush "$pool")
  metadata=${5#*/} used=${6#*/}
  data_bytes=$((used * 65536)) metadata_bytes=$((metadata * 4096)) length=$2 mode=$8
  read -r data_sectors < /sys/block/${data_loop#/dev/}/size
  read -r metadata_sectors < /sys/block/${metadata_loop#/dev/}/size
  set -- $(stat -c %s $files/data $files/metadata)
  sizes="$data_bytes $metadata_bytes $length $data_sectors $metadata_sectors $1 $2"
}

# What must be true after every death. Sets `trouble` to what is not, and looks.
check() {
  local suspended before=$1 size
  trouble=
  read -r suspended < /sys/block/"$node"/dm/suspended
  [ "$suspended" = 0 ] || trouble="the pool is suspended;"
  look
  [ "$mode" = rw ] || trouble="$trouble the pool is $mode;"
  set -- $before
  for size in $sizes; do
    [ "$size" -ge "$1" ] || trouble="$trouble a size was $1 and is $size;"
    shift
  done
  crash io /dev/mapper/probe $block 2> /root/io || trouble="$trouble no I/O to a new block: $(cat /root/io);"
  block=$((block + 1))
}

# Sets `now` to the bytes of the target as seen by the newest look. No function here starts a process that it can do without: an emulated
# host makes some ten a second, and there are hundreds of cases.
see() { [ "$1" = data ] && now=$data_bytes || now=$metadata_bytes; }

# strike TARGET TO WHO WHAT...: one growth to this size that is struck, and what is left of it. Sets `struck`; prints nothing if
# it was missed.
strike() {
  local target=$1 to=$2 before=$sizes
  shift 2
  struck=$(crash "$@" -- thinguard grow "--$target" "$to" 2> /root/said)
  [[ $'\n'$struck =~ $'\n'(hit [^$'\n']*|missed) ]] && struck=${BASH_REMATCH[1]}
  check "$before"
  see "$target"
  case $struck in
    hit*) ;;
    missed) [ -z "$trouble" ] || echo "bad $target $* missed: $trouble"; return ;;
    *) trouble="$trouble nothing was struck;" ;;
  esac
  if [ -n "$trouble" ]; then
    echo "bad $target $* ${struck#hit }: $trouble the first run said: $(tr '\n' ' ' < /root/said)"
  else
    echo "case $target $1 $2 ${4:-SIGKILL} ${struck#hit }"
  fi
}

# complete TARGET TO: one more run makes it as large as it was to be. Not needed where the struck one has.
complete() {
  local before=$sizes
  [ $now -lt "$2" ] || { echo "complete by-itself"; return; }
  thinguard grow "--$1" "$2" > /root/said 2>&1 || echo "bad the next run failed: $(tr '\n' ' ' < /root/said)"
  check "$before"
  see "$1"
  [ $now -ge "$2" ] || trouble="$trouble $now bytes instead of $2;"
  [ -z "$trouble" ] && echo "complete by-the-next-run" || echo "bad after the next run: $trouble"
}

# calls TARGET STEP: one growth that is not struck; writes its calls to /root/calls, `N NAME` each.
calls() {
  look
  see "$1"
  crash deed list -- thinguard grow "--$1" $((now + $2)) 2> /dev/null > /root/calls
  look
  see "$1"
}

# kills TARGET STEP CHANGES EVERY: killed right before and right behind each call that changes something, and at every so many of the
# others: a death between two calls that only read leaves what one behind the last change does.
kills() {
  local n name to behind=
  calls "$1" "$2"
  while read -r n name; do
    if [[ $name =~ ^($3)$ ]]; then behind=yes
    elif [ "$behind" ]; then behind=
    elif [ $((n % $4)) != 1 ] && [ "$4" != 1 ]; then continue
    fi
    to=$((now + $2))
    strike "$1" $to deed kill "$n"
    complete "$1" $to
  done < /root/calls
}

# failures TARGET STEP CALLS CHANGES: each call of these names fails, one that changes something with each error and the others with one
# error after the other; then one run without.
failures() {
  local n name error to turn=0 errors=(EIO ENOSPC EBUSY EINTR)
  calls "$1" "$2"
  while read -r n name; do
    [[ $name =~ ^($3) ]] || continue
    to=$((now + $2))
    if [[ $name =~ ^($4)$ ]]; then set -- "$1" "$2" "$3" "$4" "${errors[@]}"
    else set -- "$1" "$2" "$3" "$4" "${errors[turn++ % 4]}"
    fi
    for error in "${@:5}"; do
      strike "$1" $to deed fail "$n" $error
      # Some failures are made up for at once.
      [ $now -lt $to ] || to=$((now + $2))
    done
    complete "$1" $to
  done < /root/calls
}

# main_process TARGET STEP EVERY: the main process killed at every so many of its calls.
main_process() {
  local n=1 to
  look
  see "$1"
  while :; do
    to=$((now + $2))
    strike "$1" $to main kill $n
    [ "$struck" = missed ] && break
    complete "$1" $to
    n=$((n + $3))
  done
}

# Lets the guard grow the target to this size and no further; it wants to at once.
allow() {
  printf '[%s]\nbelow_free_percent = 95\nstep_time = 0\ncap = "%sK"\n' "$1" $(($2 / 1024)) > /etc/thinguard.d/50-lab.toml
  systemctl reload thinguard
}

# watched TARGET EVERY CALLS: growths of the guard killed at each call of these names and at every so many of the others. The guard
# itself must complete each: nobody else grows anything.
watched() {
  local helper before n name to tracer tries
  local step=$((8 << 20))
  helper=$(pgrep -P "$(systemctl show -p MainPID --value thinguard)")
  look
  see "$1"
  crash deed list -p "$helper" 2> /dev/null > /root/calls &
  tracer=$!
  sleep 0.5
  allow "$1" $((now + step))
  wait $tracer
  while read -r n name; do
    [[ $name =~ ^($3)$ ]] || [ $((n % $2)) = 1 ] || continue
    look
    see "$1"
    before=$sizes
    to=$((now + step))
    crash deed kill "$n" -p "$helper" > /root/struck 2> /root/said &
    tracer=$!
    sleep 0.5
    allow "$1" $to
    wait $tracer
    read -r struck < /root/struck
    check "$before"
    see "$1"
    case $struck in
      hit*) [ -n "$trouble" ] && echo "bad $1 ${struck#hit }: $trouble" || echo "case $1 watch kill SIGKILL ${struck#hit }" ;;
      *) echo "bad $1 $n $name: nothing was struck: $(tr '\n' ' ' < /root/said)"; continue ;;
    esac
    [ $now -lt $to ] || { echo "complete by-itself"; continue; }
    tries=0
    while [ $now -lt $to ] && [ $tries -lt 60 ]; do
      sleep 0.3
      look
      see "$1"
      tries=$((tries + 1))
    done
    [ $now -ge $to ] && echo "complete by-the-next-run" || echo "bad $1 $n $name: the guard has not completed it: $now bytes instead of $to"
  done < /root/calls
}
