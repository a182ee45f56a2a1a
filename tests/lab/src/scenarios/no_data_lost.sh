# What fio writes in containers, and what befalls the guard meanwhile.

# fio, with the libraries it needs, from the host's own tree; its files lie in the container's root, on the pool.
inside="-v /usr:/usr:ro -v /usr/lib:/lib:ro -v /usr/lib64:/lib64:ro -v /root/go:/go"

# job ORDER MIB HOW: one file past the page cache and one through it; HOW says whether they are written or only verified. No faster than
# this, or a quick host is done before enough strikes have fallen.
job() {
  echo "[global]
directory=/files
size=$2m
verify=crc32c
verify_fatal=1
$3
fallocate=none
rate=,1800k
[direct]
rw=$1
bs=256k
direct=1
fsync=32
[buffered]
rw=$1
bs=64k
fsync=128"
}

# writer NAME ORDER MIB: writes, waits for the word, and then reads all of it back and compares.
writer() {
  job "$2" "$3" do_verify=0 > "/root/go/$1.written.fio"
  job "$2" "$3" verify_only > "/root/go/$1.verified.fio"
  docker run -d --name "$1" --network none $inside busybox sh -c "
    mkdir /files
    fio --output-format=json --output=/go/$1.written.json /go/$1.written.fio 2> /go/$1.said; echo \$? > /go/$1.written
    until [ -e /go/verify ]; do sleep 1; done
    fio --output-format=json --output=/go/$1.verified.json /go/$1.verified.fio 2>> /go/$1.said; echo \$? > /go/$1.verified
    exec sleep 100000"
}

# Until /root/go/calm is there: the guard is killed every few seconds, and so are growths by hand, each at a call of its own.
trouble() {
  local n=0 guards=0 growths=0 now pool struck
  pool=$(dmsetup ls --target thin-pool | cut -f 1)
  until [ -e /root/go/calm ]; do
    n=$(((n + 13) % 30))
    set -- $(dmsetup status --noflush "$pool")
    now=${6#*/}
    struck=$(timeout -s KILL 60 crash deed kill $((n + 1)) -- thinguard grow --data $(((now + 64) * 65536)) 2> /dev/null)
    case $struck in hit*) growths=$((growths + 1)) ;; esac
    sleep 1
    systemctl kill -s KILL --kill-who=main thinguard && guards=$((guards + 1))
    sleep 2
  done
  echo $guards $growths
}
