# The steps of the soak, in the guest. Every file of a container is the beginning of one of random bytes.

pool=$(dmsetup ls --target thin-pool | cut -f 1)
seed=/root/seed

begin() {
  head -c $((48 << 20)) /dev/urandom > $seed || return 1
  local number
  for number in 0 1; do
    docker run -d --name keeper-$number --network none -v $seed:/seed:ro busybox sh -c 'mkdir /files; exec sleep 1000000' || return 1
  done
}

# Seen through the container's own root.
files_of() { echo "/proc/$(docker inspect --format '{{.State.Pid}}' "$1")/root/files"; }

# write CONTAINER FILES MIB
write() {
  local number
  [ "$(docker exec "$1" ls /files | wc -l)" -lt 40 ] || delete "$1"
  for number in $(seq "$2"); do
    docker exec "$1" sh -c "
      name=/files/\$(ls /files | wc -l)-\$RANDOM-$3
      dd if=/seed of=\$name bs=1M count=$3 conv=fsync 2>&1" || return 1
  done
}

# Half of them.
delete() {
  docker exec "$1" sh -c 'cd /files && ls | awk "NR % 2" | xargs -r rm && sync'
}

churn() {
  docker run --rm --network none -v $seed:/seed:ro busybox \
    sh -c "dd if=/seed of=/f bs=1M count=$(($1 < 48 ? $1 : 48)) conv=fsync 2>&1 && cmp -n 1048576 /f /seed"
}

# kill_growth CALL MIB
kill_growth() {
  local now
  set -- "$1" "$2" $(dmsetup status --noflush "$pool")
  now=${8#*/}
  timeout -s KILL 60 crash deed kill "$1" -- thinguard grow --data $((now * 65536 + ($2 << 20))) 2>&1
}

freeze() {
  fsfreeze --freeze /var/lib/docker || return 1
  sleep "$1"
  fsfreeze --unfreeze /var/lib/docker
}

stop_daemon() {
  local daemon
  daemon=$(systemctl show -p MainPID --value docker.service)
  kill -STOP "$daemon" || return 1
  sleep "$1"
  kill -CONT "$daemon"
}

# Past the guard's reserve, while a container writes.
fill_host() {
  local free
  free=$(df --output=avail -B1 /var/lib/docker | tail -n 1)
  fallocate -l $((free - (900 << 20))) /var/lib/docker/filler || return 1
  write keeper-0 1 8 > /dev/null
  sleep "$1"
  [ "$(df --output=avail -B1 /var/lib/docker | tail -n 1)" -lt $((1 << 30)) ] && echo filled
  rm /var/lib/docker/filler
}

# right FILE: its last number is its size in MiB.
right() {
  local bytes=$((${1##*-} << 20))
  [ "$(stat -c %s "$1")" = $bytes ] && cmp -n $bytes "$1" $seed
}

# What is checked after each step, in parts.
state() {
  cat /sys/block/$(dmsetup info -c --noheadings -o blkdevname "$pool")/dm/suspended
  echo --
  dmsetup status --noflush --target thin-pool
  echo --
  stat -c %s /var/lib/docker/devicemapper/devicemapper/{data,metadata}
  echo --
  systemctl show -p ActiveState -p MainPID -p NRestarts thinguard
  echo --
  systemctl show -p MainPID --value docker.service
  cat /proc/$(systemctl show -p MainPID --value docker.service)/stat
}

answers() { timeout 120 docker info > /dev/null || { echo "docker info does not answer"; return 1; }; }

no_restart() {
  ! journalctl -b -t thinguard -o cat --no-pager | grep "deed-begun: restart"
}

newest_files() {
  local number newest
  for number in 0 1; do
    newest=$(ls -d -t "$(files_of keeper-$number)"/* 2> /dev/null | head -n 1)
    [ -z "$newest" ] || right "$newest" || return 1
  done
}

all_files() {
  local number file count=0
  sync
  echo 3 > /proc/sys/vm/drop_caches
  for number in 0 1; do
    for file in "$(files_of keeper-$number)"/*; do
      [ -e "$file" ] || continue
      right "$file" || return 1
      count=$((count + 1))
    done
  done
  echo $count
}
