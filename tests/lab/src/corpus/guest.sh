# Runs in the guest, before the blocks of the cases: builds a case's configuration and disk state, then lets dockerd or
# preflight loose on it. Variables with capitals are for the cases' own steps in tests/corpus/cases.toml.
set -u
export LC_ALL=C
ROOT=/var/lib/docker
POOL=$ROOT/devicemapper/devicemapper
META=$ROOT/devicemapper/metadata
DROPIN=/etc/systemd/system/docker.service.d/corpus.conf
PRISTINE=/dev/shm/pristine
START_LIMIT=60
undo_list=/run/corpus-undo
lies=stopped
data_mark=
mkdir -p "${DROPIN%/*}" /etc/docker

# ---- for steps of cases

# Has a line of shell run when the case is over, the last one first.
undo() { printf '%s\n' "$1" >> $undo_list; }

# Writes bytes, in hex, into the middle of a file.
poke() { # FILE OFFSET HEX
    printf '%b' "$(printf %s "$3" | sed 's/../\\x&/g')" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# Gives the superblock the checksum that fits what was poked into it (drivers/md/dm-thin-metadata.c, SUPERBLOCK_CSUM_XOR).
seal() {
    perl -e '
        open(F, "+<", $ARGV[0]) or die; binmode F; read(F, $block, 4096) == 4096 or die;
        $crc = 0xffffffff;
        for (unpack("C*", substr($block, 4))) {
            $crc ^= $_;
            $crc = $crc & 1 ? ($crc >> 1) ^ 0x82f63b78 : $crc >> 1 for 1 .. 8;
        }
        seek(F, 0, 0); print F pack("V", $crc ^ 160774);' "$POOL/metadata"
}

# Changes a JSON file.
change() { # FILE FILTER
    jq -c "$2" "$1" > /run/changed && cat /run/changed > "$1"
}

# Attaches both files and makes the pool, as dockerd that was killed leaves it.
activate_pool() {
    local data metadata sectors
    data=$(losetup -f --show "$POOL/data") && metadata=$(losetup -f --show "$POOL/metadata") || return 1
    sectors=$(blockdev --getsz "$data")
    NAME=docker-$(stat -c '%Hd:%Ld-%i' "$ROOT/devicemapper")-pool
    undo "losetup -d $data $metadata"
    dmsetup create "$NAME" --table "0 $sectors thin-pool $metadata $data 128 32768 1 skip_block_zeroing" || return 1
    undo "dmsetup remove $NAME"
}

# Puts a filesystem of its own below the data root, with the pristine content.
own_filesystem() { # SIZE MKFS-COMMAND…
    local size=$1 image=/dev/shm/own.img
    shift
    rm -f $image
    truncate -s "$size" $image && "$@" $image > /dev/null 2>&1 && mkdir -p /run/own && mount -o loop $image /run/own || return 1
    cp -a --sparse=always $ROOT/. /run/own/ 2> /dev/null
    umount /run/own && mount -o loop $image $ROOT || return 1
    undo "umount $ROOT; rm -f $image"
}

# Leaves this many KiB free below the data root.
fill() { # KIB
    local free
    free=$(df --output=avail -k $ROOT | tail -n 1)
    fallocate -l $(( (free - 65536) * 1024 )) $ROOT/filler
    # The last blocks are wanted for the filesystem's own tables, too.
    dd if=/dev/zero of=$ROOT/filler-end bs=4K status=none 2> /dev/null || truncate -s -"$1"K $ROOT/filler-end
}

# ---- the frame of a case

# What the snapshot has, kept in memory, so that cases can be laid out one after another. The data file is most of it.
keep_pristine() {
    rm -rf $PRISTINE && mkdir -p $PRISTINE && cp -a --sparse=always $ROOT/. $PRISTINE/
    data_mark=$(mark)
}

# Changes with anything that is done to the data file.
mark() { stat -c '%i %s %a %b %Y %Z' $POOL/data 2> /dev/null; }

lay_out() { # stopped|fresh
    [ "$lies" = "$1" ] && return
    local aside=$ROOT/lost+found/data
    if [ "$1" = stopped ] && [ -n "$data_mark" ] && [ "$(mark)" = "$data_mark" ]; then mv $POOL/data $aside; fi
    find $ROOT -mindepth 1 -maxdepth 1 ! -name lost+found -exec rm -rf {} +
    if [ "$1" = stopped ]; then
        if [ -e $aside ]; then
            (cd $PRISTINE && tar --exclude=./devicemapper/devicemapper/data -S -c .) | tar -C $ROOT -S -x && mv $aside $POOL/data
        else
            cp -a --sparse=always $PRISTINE/. $ROOT/
        fi
        data_mark=$(mark)
    fi
    lies=$1
}

# A unit whose ExecStart= line is given as text, so that systemd's own grammar has its part.
write_unit() { # FILE EXEC-START
    printf %s "[Unit]
StartLimitIntervalSec=0
[Service]
Type=notify
Restart=no
TimeoutStartSec=$START_LIMIT
EnvironmentFile=
EnvironmentFile=-/etc/default/docker
ExecStart=
ExecStart=$2
" > "$1"
}

# docker.service with that line.
load_unit() { # EXEC-START
    local before=
    [ ! -e $DROPIN ] || before=$(< $DROPIN)
    write_unit $DROPIN "$1"
    [ "$(< $DROPIN)" = "$before" ] || systemctl daemon-reload
}

# A file, or none.
give() { # FILE CONTENT|-
    if [ "$2" != - ]; then printf %s "$2" > "$1"; elif [ -e "$1" ]; then rm -f "$1"; fi
}

set_up() { # BASE DAEMON-JSON ENVIRONMENT-FILE STEPS
    : > $undo_list
    lay_out "$1"
    give /etc/docker/daemon.json "$2"
    give /etc/default/docker "$3"
    [ "$4" = - ] && return
    lies=dirty
    cd $ROOT || return 1
    # In this very shell, so that a step can leave a process behind and name it. A step that fails ends it all.
    trap 'echo SETUP-FAILED' EXIT
    set -e
    eval "$4"
    set +e
    trap - EXIT
    cd /
}

take_down() {
    [ -s $undo_list ] || return
    tac $undo_list | while read -r line; do eval "$line"; done
    : > $undo_list
}

# What thinguard makes of it: one line of JSON.
judge_case() { # UNIT
    timeout 60 /usr/sbin/thinguard preflight --unit "$1" --json < /dev/null
    echo "CODE $?"
}

# What could tell one host from another after a start that came to nothing.
traces() {
    dmsetup ls; losetup -n -O NAME; ls -A $ROOT; ls -Al $META $POOL; cat /proc/self/mountinfo; ls /run/docker.pid
} 2> /dev/null

# What dockerd makes of it: whether the host is as before, the outcome, then all it said.
start_case() {
    local said code before id
    before=$(traces)
    id=$(systemctl show -p InvocationID --value docker.service)
    said=$(timeout $(( START_LIMIT + 30 )) systemctl start docker.service 2>&1)
    code=$?
    local Result= InvocationID=
    eval "$(systemctl show -p Result -p InvocationID docker.service)"
    [ "$lies" = stopped ] && [ $code != 0 ] && [ "$(traces)" = "$before" ] && echo "UNTOUCHED"
    # The identifier of an earlier start: systemd itself would not have it.
    [ "$InvocationID" != "$id" ] || InvocationID=
    if [ $code = 0 ]; then echo "OUTCOME started"
    elif [ -z "$InvocationID" ]; then echo "OUTCOME not-run"
    elif [ $code = 124 ] || [ "$Result" = timeout ]; then echo "OUTCOME hangs"
    else echo "OUTCOME refused $Result"; fi
    journalctl --sync 2> /dev/null
    [ -z "$InvocationID" ] || journalctl -b -o cat --no-pager "_SYSTEMD_INVOCATION_ID=$InvocationID" SYSLOG_FACILITY=3
    printf '%s\n' "$said" | sed 's/^/systemctl: /'
}
