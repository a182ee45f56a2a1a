//! Tests of `config`: precedence, conflicts and their words, the socket.

use super::super::{daemon_json, flags};
use super::*;
use crate::model::Code;
use crate::model::Severity;
use proptest::prelude::*;

const PATH: &str = "/etc/docker/daemon.json";

fn merge(line: &str, json: &str, environment: &[(&str, &str)]) -> Effective {
    let place = "docker.service's ExecStart";
    let words: Vec<_> = line
        .split_whitespace()
        .map(|word| Sourced::new(word.to_owned(), place))
        .collect();
    let flags = flags::parse(&words, &Build::unknown()).unwrap_or_default();
    let environment = environment
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let build = Build::unknown();
    Effective::merge(&flags, &daemon_json::parse(json, PATH, &build), &environment, &build)
}

fn value(sourced: Option<Sourced<String>>) -> Option<String> {
    sourced.map(|sourced| sourced.value)
}

#[test]
fn nothing_set() {
    for json in ["{}", "{\"storage-driver\": \"\", \"data-root\": \"\"}"] {
        let config = merge("dockerd", json, &[("DOCKER_DRIVER", "")]);
        assert_eq!(
            config.data_root,
            Sourced::new("/var/lib/docker".into(), "Docker's default")
        );
        assert_eq!(
            (config.driver, config.storage_opts.len(), config.uncertain),
            (None, 0, None)
        );
        assert_eq!(config.findings, vec![]);
    }
    let none = Effective::merge(
        &Flags::default(),
        &DaemonJson::default(),
        &BTreeMap::new(),
        &Build::unknown(),
    );
    assert_eq!(none.data_root.value, "/var/lib/docker");
}

#[test]
fn precedence_of_the_driver() {
    for (line, json, environment, driver) in [
        ("dockerd -s devicemapper", "{}", None, "devicemapper"),
        ("dockerd", r#"{"storage-driver": "overlay2"}"#, None, "overlay2"),
        ("dockerd -s devicemapper", "{}", Some("vfs"), "vfs"),
        ("dockerd", r#"{"storage-driver": "overlay2"}"#, Some("vfs"), "vfs"),
        (
            "dockerd -s devicemapper",
            r#"{"storage-driver": "overlay2"}"#,
            Some(""),
            "devicemapper",
        ),
    ] {
        let environment: Vec<_> = environment
            .map(|driver| ("DOCKER_DRIVER", driver))
            .into_iter()
            .collect();
        let config = merge(line, json, &environment);
        assert_eq!(config.asks_for_devicemapper(), driver == "devicemapper");
        assert_eq!(value(config.driver).as_deref(), Some(driver), "{line} {json}");
    }
}

#[test]
fn a_conflict_in_dockerds_words() {
    let config = merge(
        "dockerd -s overlay2 --storage-opt a=1 --storage-opt b=2 --live-restore",
        "{\"storage-driver\": \"overlay2\",\n\"storage-opts\": [\n\"c=3\"], \"live-restore\": true, \"hosts\": []}",
        &[],
    );
    let [driver, options, live] = config.findings.as_slice() else {
        panic!("{:?}", config.findings)
    };
    assert!(
        config
            .findings
            .iter()
            .all(|f| f.code == Code::OptionSetTwice && f.severity == Severity::Refuse)
    );
    assert_eq!(
        driver.message,
        "unable to configure the Docker daemon with file /etc/docker/daemon.json: the following directives are specified \
         both as a flag and in the configuration file: storage-driver: (from flag: overlay2, from file: overlay2)"
    );
    assert_eq!(
        driver.place,
        "flag -s of docker.service's ExecStart; /etc/docker/daemon.json:1"
    );
    assert_eq!(
        driver.remedy,
        "remove \"storage-driver\" from /etc/docker/daemon.json:1, or remove the flag -s of docker.service's ExecStart"
    );
    assert!(
        options
            .message
            .ends_with("storage-opts: (from flag: [a=1 b=2], from file: [c=3])"),
        "{}",
        options.message
    );
    assert_eq!(
        options.place,
        "flag --storage-opt of docker.service's ExecStart; /etc/docker/daemon.json:2"
    );
    assert!(
        live.message
            .ends_with("live-restore: (from flag: true, from file: true)"),
        "{}",
        live.message
    );
    let empty = merge("dockerd -H fd://", "{\"hosts\": []}", &[]);
    assert_eq!(
        empty.findings[0].place,
        "flag -H of docker.service's ExecStart; /etc/docker/daemon.json:1"
    );
}

#[test]
fn where_the_data_root_is() {
    for (line, json, root, findings) in [
        ("dockerd -g /a", "{}", "/a", 0),
        ("dockerd --data-root /a", "{}", "/a", 0),
        ("dockerd", r#"{"graph": "/f"}"#, "/f", 0),
        ("dockerd", r#"{"data-root": "/f"}"#, "/f", 0),
        ("dockerd --data-root /a", r#"{"data-root": "/f"}"#, "/a", 1),
        ("dockerd -g /a", r#"{"graph": "/f"}"#, "/a", 1),
        ("dockerd --data-root /a", r#"{"graph": "/f"}"#, "/f", 0),
        ("dockerd -g /a", r#"{"data-root": "/f"}"#, "/f", 0),
        ("dockerd -g /a --data-root /b", "{}", "/b", 1),
        ("dockerd", r#"{"data-root": "/f", "graph": "/g"}"#, "/f", 1),
    ] {
        let config = merge(line, json, &[]);
        assert_eq!(
            (config.data_root.value.as_str(), config.findings.len()),
            (root, findings),
            "{line} {json}"
        );
    }
}

#[test]
fn where_the_socket_is() {
    for (line, json, socket) in [
        ("dockerd", "{}", Some("/var/run/docker.sock")),
        ("dockerd -H fd://", "{}", Some("/var/run/docker.sock")),
        ("dockerd -H unix://", "{}", Some("/var/run/docker.sock")),
        (
            "dockerd -H tcp://0.0.0.0:2375 -H unix:///x.sock -H unix:///y.sock",
            "{}",
            Some("/x.sock"),
        ),
        ("dockerd -H fd:// -H unix:///x.sock", "{}", Some("/x.sock")),
        (
            "dockerd -H tcp://0.0.0.0:2375 -H fd://docker.socket",
            "{}",
            Some("/var/run/docker.sock"),
        ),
        ("dockerd -H tcp://0.0.0.0:2375", "{}", None),
        ("dockerd", r#"{"hosts": ["unix:///z.sock"]}"#, Some("/z.sock")),
        ("dockerd", r#"{"hosts": []}"#, Some("/var/run/docker.sock")),
    ] {
        assert_eq!(merge(line, json, &[]).socket_path().as_deref(), socket, "{line} {json}");
    }
}

#[test]
fn where_goroutines_are_written() {
    for (line, json, directory) in [
        ("dockerd", "{}", Some("/var/run/docker")),
        ("dockerd --exec-root=/run/d", "{}", Some("/run/d")),
        ("dockerd", r#"{"exec-root": "/run/e"}"#, Some("/run/e")),
        ("dockerd --exec-root= -g /srv/docker", "{}", Some("/srv/docker")),
        ("dockerd --exec-root=run", "{}", None),
    ] {
        assert_eq!(merge(line, json, &[]).dump_directory(), directory, "{line} {json}");
    }
}

#[test]
fn what_cannot_be_read_is_uncertain() {
    assert!(
        merge("dockerd", "{", &[])
            .uncertain
            .is_some_and(|why| why.starts_with("/etc/docker/daemon.json:1"))
    );
    let config = merge("dockerd --storage-opt", "{}", &[]);
    assert!(config.uncertain.is_some_and(|why| why.contains("has no value")));
    assert_eq!(config.findings[0].code, Code::FlagRejected);
}

proptest! {
    #[test]
    fn never_panics(words in proptest::collection::vec("-{0,2}(g|graph|data-root|H|host|live-restore)=?[a-z:/]{0,9}", 0..6),
                    json in "\\{(\"(graph|data-root|hosts)\": ?(\"x\"|\\[\\]|null|5),?){0,3}\\}") {
        let config = merge(&format!("dockerd {}", words.join(" ")), &json, &[]);
        config.socket_path();
    }
}
