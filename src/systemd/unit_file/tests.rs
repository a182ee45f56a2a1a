//! Tests of `unit_file`: stock units, drop-ins, each version's rules, and hostile text.

use super::*;
use proptest::prelude::*;

const UNIT: &str = "docker.service";

/// Docker 1.10.3 of RHEL 7.2 (captured unit, insights-core), shortened.
const RED_HAT: &str = "[Unit]\nDescription=Docker Application Container Engine\n\n[Service]\nType=notify\nNotifyAccess=all\n\
                       EnvironmentFile=-/etc/sysconfig/docker\nEnvironmentFile=-/etc/sysconfig/docker-storage\n\
                       Environment=GOTRACEBACK=crash\nExecStart=/bin/sh -c '/usr/bin/docker-current daemon \\\n          \
                       $OPTIONS \\\n          $DOCKER_STORAGE_OPTIONS \\\n          2>&1 | /usr/bin/forward-journald -tag docker'\n\
                       StandardOutput=null\n[Install]\nWantedBy=multi-user.target\n";

fn service(files: &[(&str, &str)], version: u16) -> Service {
    let mut service = Service::default();
    for (at, (path, text)) in files.iter().enumerate() {
        let part = if at == 0 { Part::Fragment } else { Part::Extra };
        service.apply(path, text.as_bytes(), part, (UNIT, version), &mut |_| None);
    }
    service
}

fn command(service: &Service) -> Result<String, String> {
    let command = service.command().map_err(|no| no.why)?;
    Ok(command.value.argv.join("|"))
}

fn files(service: &Service) -> Vec<&str> {
    service
        .environment_files
        .iter()
        .map(|file| file.value.0.as_str())
        .collect()
}

fn variables(service: &Service) -> Vec<String> {
    let all = service.environment.iter();
    all.map(|set| format!("{}={}", set.value.0, set.value.1)).collect()
}

#[test]
fn red_hats_unit() {
    for version in [219, 239, 252] {
        let found = service(&[("/usr/lib/systemd/system/docker.service", RED_HAT)], version);
        let line = found.command().expect("a command");
        assert_eq!(line.place, "/usr/lib/systemd/system/docker.service:10");
        assert_eq!(line.value.argv.len(), 3);
        assert!(line.value.argv[2].starts_with("/usr/bin/docker-current daemon            $OPTIONS"));
        assert_eq!(
            files(&found),
            ["/etc/sysconfig/docker", "/etc/sysconfig/docker-storage"]
        );
        assert!(found.environment_files.iter().all(|file| file.value.1));
        assert_eq!(variables(&found), ["GOTRACEBACK=crash"]);
        assert_eq!(found.warnings, []);
    }
}

#[test]
fn drop_ins_add_and_reset() {
    let unit = (
        "/u",
        "[Service]\nExecStart=/a b\nEnvironment=A=1\nEnvironmentFile=/e1\n",
    );
    for (drop_in, expected) in [
        ("[Service]\nExecStart=\nExecStart=/c d\n", Ok("/c|d")),
        ("[Service]\nExecStart = \n ExecStart = /c d \n", Ok("/c|d")),
        ("[Unit]\nExecStart=/c\n[X-Mine]\nExecStart=/d\n", Ok("/a|b")),
        ("ExecStart=/c\n", Ok("/a|b")),
        (
            "[Service]\nExecStart=/c d\n",
            Err("more than one ExecStart= (/u:2 and /d:2)"),
        ),
        ("[Service]\nExecStart=\n", Err("no ExecStart=")),
        (
            "[Service]\nExecStart=\nExecStart=c d/\n",
            Err("/d:3: the program's path is not absolute: 'c'"),
        ),
    ] {
        match (command(&service(&[unit, ("/d", drop_in)], 219)), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{drop_in}"),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{drop_in}: {found}"),
            (found, _) => panic!("{drop_in}: {found:?}"),
        }
    }
    let reset = "[Service]\nEnvironment=\nEnvironment=B=2 'C=3 4'\nEnvironmentFile=\nEnvironmentFile=-/e2\nEnvironmentFile=e3\n";
    let found = service(&[unit, ("/d", reset)], 219);
    assert_eq!(variables(&found), ["B=2", "C=3 4"]);
    assert_eq!(files(&found), ["/e2"]);
    assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
}

/// The text, and the command that the versions in each span read; `config_parse` at the tags on both sides of each change.
#[test]
fn lines_by_version() {
    type Spans = &'static [(u16, Option<&'static str>)];
    let rows: &[(&str, Spans)] = &[
        (
            "[Service]\nExecStart=/a \\\n# c \\\n b\n",
            &[(219, Some("/a|#|c|b")), (240, Some("/a|b"))],
        ),
        ("[Service]\n# c \\\nExecStart=/a\n", &[(219, None), (240, Some("/a"))]),
        ("[Service]\nExecStart=/a \\\n", &[(219, None), (239, Some("/a"))]),
        ("[Service]\njunk\nExecStart=/a\n", &[(219, None), (243, Some("/a"))]),
        ("\u{feff}[Service]\nExecStart=/a\n", &[(219, None), (230, Some("/a"))]),
        ("[Service]\r\nExecStart=/a b\r\n", &[(219, Some("/a|b"))]),
        ("junk\n[Service]\nExecStart=/a\\\\\\\\b\n", &[(219, None)]),
        ("junk\n[Service]\nExecStart=/a b\\\\\n", &[(219, Some("/a|b\\"))]),
        ("[Service\nExecStart=/a\n", &[(219, None)]),
        (
            "; c\n\n[Service]\n;x\n  #y\nExecStart=/a",
            &[(219, Some("/a")), (240, None), (241, Some("/a"))],
        ),
    ];
    for (text, spans) in rows {
        for version in 219..=257 {
            let expected = spans
                .iter()
                .rev()
                .find(|(since, _)| *since <= version)
                .and_then(|(_, found)| *found);
            let found = command(&service(&[("/u", text)], version));
            assert_eq!(found.ok().as_deref(), expected, "{text:?} by {version}");
        }
    }
    let long = format!("[Service]\nExecStart=/a {}\nExecStart=/b\n", "x".repeat(3000));
    assert!(command(&service(&[("/u", &long)], 219)).is_err());
    // RHEL 7.5's 219 reads these otherwise than the one before.
    for text in [
        "\u{feff}[Service]\nExecStart=/a\n",
        "[Service]\r\nExecStart=/a \\\r\n b\r\n",
        "[Service]\nExecStart=/a \r b\n",
    ] {
        let found = service(&[("/u", text)], 219);
        assert!(command(&found).is_err_and(|why| why.contains("RHEL 7.5")), "{text}");
        assert!(service(&[("/u", text)], 252).doubts.is_empty());
    }
}

#[test]
fn environment_by_version() {
    for (value, version, expected) in [
        ("A=1 \"B=2 3\" C='4 5'", 219, &["A=1", "B=2 3", "C='4"][..]),
        ("A=1 \"B=2 3\" C='4 5'", 252, &["A=1", "B=2 3", "C=4 5"]),
        ("A=%p B=50%% C", 252, &["A=docker", "B=50%"]),
        ("A=\\x41 B=\\d C=1", 219, &["A=A", "B=\\d", "C=1"]),
        ("A=\\x41 B=\\d C=1", 252, &["A=A"]),
        ("A=$B", 252, &["A=$B"]),
        ("1=2 A=1 'B=2", 252, &["A=1"]),
    ] {
        let found = service(&[("/u", &format!("[Service]\nEnvironment={value}\n"))], version);
        assert_eq!(variables(&found), expected, "{value} by {version}");
    }
}

#[test]
fn includes() {
    let text = "[Unit]\n.include /lib/docker.service\n.include other\n[Service]\nEnvironmentFile=/x\n";
    let mut asked = Vec::new();
    let mut service = Service::default();
    let mut include = |path: &str| {
        asked.push(path.to_owned());
        (path == "/lib/docker.service").then(|| b"[Service]\nExecStart=/a\n.include /again\n".to_vec())
    };
    service.apply(
        "/etc/systemd/system/docker.service",
        text.as_bytes(),
        Part::Fragment,
        (UNIT, 219),
        &mut include,
    );
    assert_eq!(asked, ["/lib/docker.service", "/etc/systemd/system/other"]);
    assert_eq!(
        service.command().map(|line| line.place.as_str()),
        Ok("/lib/docker.service:2")
    );
    assert_eq!(service.warnings.len(), 2);
    assert_eq!(files(&service), ["/x"]);
}

#[test]
fn where_drop_ins_are() {
    let directories = drop_in_directories(&["docker-latest.service"], 219);
    assert_eq!(directories.len(), 5);
    assert_eq!(directories[0], "/etc/systemd/system/docker-latest.service.d");
    assert_eq!(directories[4], "/lib/systemd/system/docker-latest.service.d");
    assert_eq!(
        drop_in_directories(&["docker-latest.service"], 239)[5],
        "/etc/systemd/system/docker-.service.d"
    );
    assert_eq!(
        drop_in_directories(&["docker.service"], 244)[5],
        "/etc/systemd/system/service.d"
    );
    assert_eq!(
        drop_in_directories(&["a@b.service"], 219)[5],
        "/etc/systemd/system/a@.service.d"
    );
    let found = [
        (
            "/etc/d".to_owned(),
            vec![
                "20.conf".to_owned(),
                "10.conf".to_owned(),
                "x.conf~".to_owned(),
                ".y.conf".to_owned(),
            ],
        ),
        ("/lib/d".to_owned(), vec!["10.conf".to_owned(), "15.conf".to_owned()]),
    ];
    assert_eq!(drop_ins(&found), ["/etc/d/10.conf", "/lib/d/15.conf", "/etc/d/20.conf"]);
}

proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..60), text in "(\\[Service\\]|ExecStart=|Environment=|/a|-|[ \\\\\n\r#;\"'%=x]){0,30}", version in 200u16..260) {
        let _ = command(&service(&[("/u", &text), ("/d", &text)], version));
        Service::default().apply("/u", &bytes, Part::Fragment, (UNIT, version), &mut |_| None);
    }
}

/// systemd 219 takes such a line as it is, newer ones pass over it: a description in Latin-1 keeps nobody from starting.
#[test]
fn letters_of_another_encoding_end_nothing() {
    let read = |text: &[u8], version| {
        let mut service = Service::default();
        service.apply("/u", text, Part::Fragment, (UNIT, version), &mut |_| None);
        service.command().map(|line| line.value.argv.join("|"))
    };
    for version in [219, 239, 252] {
        let described = b"[Unit]\nDescription=Docker f\xfcr alle\n[Service]\nExecStart=/a b\n";
        assert_eq!(read(described, version), Ok("/a|b".to_owned()));
        let started = read(b"[Service]\nExecStart=/a \xfc\n", version).unwrap_err();
        assert!(started.fault.is_none() && started.why.contains("UTF-8"), "{started:?}");
    }
}

/// `service_verify`: only other types have one command.
#[test]
fn a_oneshot_may_have_two_commands() {
    for (kind, fault) in [("oneshot", None), ("notify", Some(UnitFault::Refused))] {
        let text = format!("[Service]\nType={kind}\nExecStart=/a\nExecStart=/b\n");
        let no = service(&[("/u", &text)], 219).command().unwrap_err().fault;
        assert_eq!(no, fault, "{kind}");
    }
}
