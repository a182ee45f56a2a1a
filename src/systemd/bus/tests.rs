//! The manager against a mock of systemd that speaks over a socket pair, and hostile peers.

mod dependents;

use super::*;
use rustbus::MessageType;
use rustbus::message_builder::{MarshalledMessage, MarshalledMessageBody};
use rustbus::wire::{marshal, unmarshal};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;

/// What the mock answers to a call: a body, or an error's name.
type Script = fn(member: &str, args: &[String]) -> Answer;

type Answer = Result<MarshalledMessageBody, &'static str>;

fn mock(script: Script) -> Manager {
    mock_of(move |_, member, args| script(member, args))
}

/// Likewise, for a script that tells objects apart.
fn mock_of(script: impl Fn(&str, &str, &[String]) -> Answer + Send + 'static) -> Manager {
    let (ours, theirs) = UnixStream::pair().unwrap();
    thread::spawn(move || serve(theirs, &script));
    Manager {
        link: Link::authenticate(ours, Duration::from_secs(10)).unwrap(),
    }
}

fn serve(mut stream: UnixStream, script: &dyn Fn(&str, &str, &[String]) -> Answer) -> Option<()> {
    let mut line = Vec::new();
    let mut read_line = |stream: &mut UnixStream| -> Option<Vec<u8>> {
        line.clear();
        while !line.ends_with(b"\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).ok()?;
            line.push(byte[0]);
        }
        Some(line.clone())
    };
    assert!(read_line(&mut stream)?.starts_with(b"\0AUTH EXTERNAL 3"));
    assert_eq!(
        read_line(&mut stream)?,
        b"BEGIN\r\n",
        "it comes before the answer to the first line"
    );
    stream.write_all(b"OK 0123456789abcdef\r\n").ok()?;
    loop {
        let mut bytes = vec![0; 16];
        stream.read_exact(&mut bytes).ok()?;
        let (fixed, header) = unmarshal::unmarshal_header(&bytes, 0).unwrap();
        let fields = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
        bytes.resize((16 + fields).next_multiple_of(8) + header.body_len as usize, 0);
        stream.read_exact(&mut bytes[16..]).ok()?;
        let (dynamic, head) = unmarshal::unmarshal_dynamic_header(&header, &bytes, fixed).unwrap();
        let call = unmarshal::unmarshal_next_message(&header, head, &bytes, fixed + dynamic)
            .unwrap()
            .1;
        let mut answer = call.dynheader.make_response();
        let serial = call.dynheader.serial.unwrap();
        let member = call.dynheader.member.clone().unwrap();
        let object = call.dynheader.object.clone().unwrap();
        let args: Vec<String> = call.unmarshall_all().unwrap().params.iter().filter_map(text).collect();
        // A signal and a stranger's reply before each answer: both are to be passed over.
        let signal = rustbus::MessageBuilder::new().signal("org.x.Y", "Noise", "/x").build();
        let mut stranger = MarshalledMessage::new();
        stranger.typ = MessageType::Reply;
        stranger.dynheader.response_serial = Some(9999);
        let mut bytes = [wire(&signal), wire(&stranger)].concat();
        bytes.extend(match script(&object, &member, &args) {
            Ok(body) => {
                answer.body = body;
                wire(&answer)
            }
            Err(name) => error_wire(name, serial),
        });
        stream.write_all(&bytes).ok()?;
    }
}

fn wire(message: &MarshalledMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    marshal::marshal(message, 7, &mut bytes).unwrap();
    bytes.extend_from_slice(message.get_buf());
    bytes
}

/// An error as systemd sends it, by hand: rustbus reads the name of an error but cannot write it.
fn error_wire(name: &str, serial: u32) -> Vec<u8> {
    fn put(bytes: &mut Vec<u8>, text: &str) {
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.push(0);
    }
    let mut body = Vec::new();
    put(&mut body, "so says the mock");
    let mut fields = b"\x05\x01u\0".to_vec();
    fields.extend(serial.to_le_bytes());
    fields.extend(b"\x08\x01g\0\x01s\0\0\x04\x01s\0");
    put(&mut fields, name);
    let mut bytes = b"l\x03\0\x01".to_vec();
    bytes.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
    bytes.extend(7u32.to_le_bytes());
    bytes.extend(u32::try_from(fields.len()).unwrap().to_le_bytes());
    bytes.extend(fields);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes.extend(body);
    bytes
}

fn body<P: rustbus::Marshal>(value: P) -> Result<MarshalledMessageBody, &'static str> {
    let mut body = MarshalledMessageBody::new();
    body.push_param(value).map(|()| body).map_err(|_| "marshal")
}

fn variant<P: rustbus::Marshal>(value: P) -> Result<MarshalledMessageBody, &'static str> {
    let mut body = MarshalledMessageBody::new();
    body.push_variant(value).map(|()| body).map_err(|_| "marshal")
}

fn path(path: &str) -> rustbus::wire::ObjectPath<&str> {
    rustbus::wire::ObjectPath::new(path).unwrap()
}

const UNKNOWN: &str = "org.freedesktop.DBus.Error.UnknownProperty";

/// systemd 219 with docker running and its stop time unlimited (0).
fn el7(member: &str, args: &[String]) -> Result<MarshalledMessageBody, &'static str> {
    match (member, args.last().map(String::as_str).unwrap_or_default()) {
        ("GetUnit", "docker.service") => body(path("/org/freedesktop/systemd1/unit/docker_2eservice")),
        ("GetUnit", _) => Err(NO_SUCH_UNIT),
        ("LoadUnit", _) => body(path("/org/freedesktop/systemd1/unit/other")),
        ("Get", "LoadState") => variant("not-found"),
        ("Get", "ActiveState") => variant("active"),
        ("Get", "SubState") => variant("running"),
        ("Get", "MainPID") => variant(1234u32),
        ("Get", "Job") => variant((0u32, path("/"))),
        ("Get", "InactiveExitTimestampMonotonic") => variant(5_000_000u64),
        ("Get", "TimeoutStopUSec") => variant(0u64),
        ("Get", "ControlGroup") => variant("/system.slice/docker.service"),
        ("Get", "SystemState") => Err(UNKNOWN),
        ("StopUnit" | "StartUnit", "fail") if args[0] == "docker.service" => {
            body(path("/org/freedesktop/systemd1/job/1"))
        }
        ("StopUnit", "replace") => body(path("/org/freedesktop/systemd1/job/2")),
        _ => Err("org.freedesktop.systemd1.TransactionIsDestructive"),
    }
}

/// systemd 252: a job runs, the host goes down, the stop time is "infinity".
fn newer(member: &str, args: &[String]) -> Result<MarshalledMessageBody, &'static str> {
    match (member, args.last().map(String::as_str).unwrap_or_default()) {
        ("Get", "Job") => variant((77u32, path("/org/freedesktop/systemd1/job/77"))),
        ("Get", "TimeoutStopUSec") => variant(u64::MAX),
        ("Get", "SystemState") => variant("stopping"),
        ("Get", "ActiveState") => variant("maintenance"),
        ("Get", "InactiveExitTimestampMonotonic") => variant(0u64),
        _ => el7(member, args),
    }
}

/// Types that no systemd has had yet.
fn odd(member: &str, args: &[String]) -> Result<MarshalledMessageBody, &'static str> {
    match (member, args.last().map(String::as_str).unwrap_or_default()) {
        ("Get", "MainPID") => variant("1234"),
        ("Get", "Job") => variant(true),
        ("Get", "TimeoutStopUSec") => variant(90_000_000i64),
        ("Get", "ControlGroup" | "SubState") => Err(UNKNOWN),
        _ => el7(member, args),
    }
}

#[test]
fn reads_a_unit() {
    let el7 = mock(el7).unit("docker.service").unwrap();
    assert_eq!(
        (el7.active_state, el7.sub_state.as_str(), el7.main_pid),
        (ActiveState::Active, "running", 1234)
    );
    assert_eq!(el7.control_group, "/system.slice/docker.service");
    assert_eq!(
        (el7.inactive_exit, el7.stop_timeout),
        (Some(Duration::from_secs(5)), None)
    );
    assert!(!el7.job_pending && !el7.host_stopping);

    let newer = mock(newer).unit("docker.service").unwrap();
    assert_eq!(
        (newer.active_state, newer.inactive_exit, newer.stop_timeout),
        (ActiveState::Other, None, None)
    );
    assert!(newer.job_pending && newer.host_stopping);

    let odd = mock(odd).unit("docker.service").unwrap();
    assert_eq!((odd.main_pid, odd.stop_timeout), (0, Some(Duration::from_secs(90))));
    assert!(odd.job_pending, "a job that cannot be read holds our hands back");
}

#[test]
fn what_others_have_ordered() {
    const SOCKET: &str = "/org/freedesktop/systemd1/unit/docker_2esocket";
    fn listens(member: &str, args: &[String]) -> Result<MarshalledMessageBody, &'static str> {
        match (member, args.last().map(String::as_str).unwrap_or_default()) {
            ("GetUnit", "docker.socket") => body(path(SOCKET)),
            ("Get", "LoadState") => variant("loaded"),
            _ => el7(member, args),
        }
    }
    fn stopping(member: &str, args: &[String]) -> Result<MarshalledMessageBody, &'static str> {
        match (member, args.last().map(String::as_str).unwrap_or_default()) {
            ("Get", "LoadState") => variant("masked"),
            ("Get", "JobType") => variant("stop"),
            ("Get", "Job") => variant((77u32, path("/org/freedesktop/systemd1/job/77"))),
            _ => listens(member, args),
        }
    }
    fn job_over(member: &str, args: &[String]) -> Result<MarshalledMessageBody, &'static str> {
        match (member, args.last().map(String::as_str).unwrap_or_default()) {
            ("Get", "JobType") => Err("org.freedesktop.DBus.Error.UnknownObject"),
            ("Get", "ActiveState") => variant("inactive"),
            _ => stopping(member, args),
        }
    }
    let orders = |script| mock(script).orders("docker.service", "docker.socket").unwrap();
    let quiet = Orders {
        socket_listens: Some(true),
        ..Orders::default()
    };
    assert_eq!(orders(listens), quiet);
    let stop = Orders {
        masked: true,
        job: Some((77, "stop".into())),
        socket_listens: None,
    };
    assert_eq!(orders(stopping), stop);
    assert_eq!(
        (orders(job_over).job, orders(job_over).socket_listens),
        (None, Some(false))
    );
    // systemd knows no such socket.
    assert_eq!(orders(el7).socket_listens, Some(false));
    assert_eq!(mock(el7).stop("docker.service").unwrap(), Some(1));
}

#[test]
fn a_unit_that_does_not_exist_is_a_clear_error() {
    let error = format!("{:#}", mock(el7).unit("nosuch.service").unwrap_err());
    assert_eq!(error, "there is no unit nosuch.service");
    for name in [
        "",
        ".service",
        "docker",
        "docker.socket",
        "a/b.service",
        "a b.service",
        "a\0.service",
        "é.service",
    ] {
        assert!(mock(el7).unit(name).is_err(), "{name}");
        assert!(mock(el7).stop(name).is_err(), "{name}");
    }
}

#[test]
fn reads_the_start_command() {
    type Command<'a> = (&'a str, Vec<&'a str>, bool, u64, u64);
    fn script(member: &str, args: &[String]) -> Result<MarshalledMessageBody, &'static str> {
        // rustbus marshals tuples of up to five; the real type has ten members, so this also shows that the tail is ignored.
        let command: Command<'_> = ("/usr/bin/dockerd", vec!["docker", "$OPTIONS", ""], false, 1, 2);
        match (member, args.last().map(String::as_str).unwrap_or_default()) {
            ("Get", "ExecStart") => variant(vec![command]),
            ("Get", "Environment") => variant(vec!["PATH=/bin", "A=b c"]),
            ("Get", "EnvironmentFiles") => variant(vec![("/etc/sysconfig/docker", true), ("/etc/x", false)]),
            ("Get", "LoadState") => variant("loaded"),
            _ => el7(member, args),
        }
    }
    let exec = mock(script).exec_start("docker.service").unwrap();
    // Behind `@` the first word is a mere name.
    assert_eq!(exec.argv, ["/usr/bin/dockerd", "$OPTIONS", ""]);
    assert_eq!(exec.environment, ["PATH=/bin", "A=b c"]);
    assert_eq!(
        exec.environment_files,
        [("/etc/sysconfig/docker".to_owned(), true), ("/etc/x".to_owned(), false)]
    );
    let json = serde_json::to_string(&exec).unwrap();
    assert_eq!(serde_json::from_str::<ExecStart>(&json).unwrap(), exec);
}

#[test]
fn systemds_own_version() {
    fn script(member: &str, args: &[String]) -> Result<MarshalledMessageBody, &'static str> {
        match (member, args.last().map(String::as_str).unwrap_or_default()) {
            ("Get", "Version") => variant("252.22-1~deb12u1"),
            _ => el7(member, args),
        }
    }
    assert_eq!(mock(script).version().unwrap(), Version::known(252));
}

#[test]
fn a_look_that_fails_at_once_is_made_once_more() {
    // One that closes the connection, or is silent for longer than systemd is ever away.
    let peer = |silent: bool| {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let peer = thread::spawn(move || {
            let mut theirs = theirs;
            let mut byte = [0; 512];
            let _ = theirs.read(&mut byte);
            theirs.write_all(b"OK 0123456789abcdef\r\n").unwrap();
            silent.then_some(theirs)
        });
        let link = Link::authenticate(ours, AWAY * 3 / 2).unwrap();
        (Manager { link }, peer.join().unwrap())
    };
    let look = |peers: Vec<Manager>| {
        let mut peers = peers.into_iter();
        Manager::unit_by(|| Ok(peers.next().expect("asked again")), "docker.service")
    };
    assert_eq!(look(vec![peer(false).0, mock(el7)]).unwrap().main_pid, 1234);
    let both = look(vec![peer(false).0, peer(false).0]).unwrap_err();
    assert!(format!("{both:#}").contains("; then"), "{both:#}");
    // Who is silent once would be silent again, and the look has its deadline.
    let (silent, _kept) = peer(true);
    assert!(look(vec![silent]).is_err());
    // No such unit is an answer.
    let mut asked = 0;
    let mut connect = || {
        asked += 1;
        Ok(mock(el7))
    };
    assert!(Manager::unit_by(&mut connect, "other.service").is_err());
    assert_eq!(asked, 1);
}

#[test]
fn jobs_are_queued_in_the_mode_that_never_replaces() {
    mock(el7).stop("docker.service").unwrap();
    mock(el7).start("docker.service").unwrap();
    assert_eq!(
        mock(el7).stop_over_starts("other.service").unwrap(),
        Some(2),
        "but for this one"
    );
    let error = mock(el7).stop("other.service").unwrap_err();
    assert!(is_contradicted(&error));
    assert_eq!(
        format!("{error:#}"),
        "StopUnit other.service: so says the mock (org.freedesktop.systemd1.TransactionIsDestructive)"
    );
}

#[test]
fn hostile_peers_neither_hang_nor_crash_us() {
    let fast = Duration::from_millis(100);
    for greeting in [&b""[..], b"REJECTED\r\n", b"\r\n", &[b'x'; 4096], b"OK"] {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(greeting).unwrap();
        assert!(Link::authenticate(ours, fast).is_err());
    }
    let flood = [b'l', 2, 0, 1, 255, 255, 255, 255, 1, 0, 0, 0, 255, 255, 255, 255];
    for answer in [
        &b"l"[..],
        b"XXXXXXXXXXXXXXXX",
        &flood,
        &[0; 64],
        b"l\x02\0\x01\0\0\0\0\x01\0\0\0\0\0\0\0",
    ] {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"OK 1\r\n").unwrap();
        theirs.write_all(answer).unwrap();
        let mut manager = Manager {
            link: Link::authenticate(ours, fast).unwrap(),
        };
        assert!(manager.unit("docker.service").is_err());
    }
}
