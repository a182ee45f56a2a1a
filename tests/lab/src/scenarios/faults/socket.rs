//! Faults of Docker's socket: who listens there answers wrongly, late or never.

use anyhow::Result;

use super::table::{self, Case};
use crate::figures::Figures;
use crate::host::Host;
use crate::watch;

/// A stand-in for the daemon behind the socket, `fake MODE`; the real one goes on, and so the unit is active. Only a full backlog
/// needs another listener.
const FAKE: &str = "#!/bin/sh\n\
    old=$(cat /run/fake-mode 2>/dev/null)\n\
    echo $1 > /run/fake-mode\n\
    case $1,$old in backlog,* | *,backlog) ;; *) systemctl -q is-active fake && exit ;; esac\n\
    systemctl -q stop fake 2>/dev/null\n\
    rm -f /run/fake.sock\n\
    systemd-run --quiet --collect --unit=fake perl /root/fake.pl\n\
    until [ -S /run/fake.sock ]; do sleep 0.1; done\n";

const OVER: &str = "docker.service: over after";

/// What the socket does. Between two cases it answers as a daemon does that is slow and well.
const SOCKET: &[Case] = &[
    Case {
        name: "socket missing",
        make: "systemctl --quiet stop fake; rm /run/fake.sock",
        said: &[
            "daemon-refuses: docker.service: /info has been refused",
            "No such file or directory",
        ],
        shown: "docker refuses: cannot connect to /run/fake.sock",
        done: &[],
        undo: "/root/fake slow",
        over: &["daemon-refuses: docker.service: over after"],
    },
    Case {
        name: "socket accepts and never answers",
        make: "/root/fake mute",
        said: &[
            "daemon-silent: docker.service: /info has been silent",
            "/_ping is silent too",
        ],
        shown: "docker silent for",
        done: &[],
        undo: "/root/fake slow",
        over: &[OVER],
    },
    Case {
        name: "socket's backlog full",
        make: "/root/fake backlog",
        said: &["daemon-silent: docker.service: /info has been silent"],
        shown: "docker silent for",
        done: &[],
        undo: "/root/fake slow",
        over: &[OVER],
    },
    Case {
        name: "garbage reply",
        make: "/root/fake garbage",
        said: &[
            "daemon-refuses: docker.service: /info has been refused",
            "no HTTP reply",
        ],
        shown: "docker refuses: no HTTP reply",
        done: &[],
        undo: "/root/fake slow",
        over: &[OVER],
    },
    Case {
        name: "endless reply",
        make: "/root/fake endless",
        said: &[
            "daemon-refuses: docker.service: /info has been refused",
            "the reply is longer than",
        ],
        shown: "",
        done: &[],
        undo: "/root/fake slow",
        over: &[OVER],
    },
    Case {
        name: "reply that trickles without end",
        make: "/root/fake trickle",
        said: &["daemon-silent: docker.service: /info has been silent"],
        shown: "docker silent for",
        done: &[],
        undo: "/root/fake slow",
        over: &[OVER],
    },
    Case {
        name: "truncated reply",
        make: "/root/fake truncated",
        said: &[
            "daemon-refuses: docker.service: /info has been refused",
            "the connection was closed before the reply was complete",
        ],
        shown: "docker refuses: the connection was closed",
        done: &[],
        undo: "/root/fake slow",
        over: &[OVER],
    },
    Case {
        name: "HTTP error",
        make: "/root/fake failing",
        said: &[
            "daemon-refuses: docker.service: /info has been refused",
            "HTTP status 500",
        ],
        shown: "docker refuses: HTTP status 500",
        done: &[],
        undo: "/root/fake slow",
        over: &[OVER],
    },
    Case {
        name: "daemon slow, not stuck",
        make: "true",
        said: &[],
        shown: "docker answers in 2",
        done: &[],
        undo: "true",
        over: &[],
    },
];

pub fn run(host: &mut Host, _: &mut Figures) -> Result<()> {
    host.install_guard_with(&[watch::OFTEN])?;
    host.put("/root/fake.pl", 0o644, include_bytes!("fake.pl"))?;
    host.put("/root/fake", 0o755, FAKE.as_bytes())?;
    let faked = format!("{}[docker]\nsocket = \"/run/fake.sock\"\n", table::HURRY);
    host.put("/etc/thinguard.d/50-lab.toml", 0o644, faked.as_bytes())?;
    host.sh("/root/fake slow")?;
    watch::start(host)?;
    table::run(host, SOCKET)
}
