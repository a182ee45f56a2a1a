//! Tests of `configuration`: precedence, conflicts, the socket.

use super::super::daemon_json;
use super::*;
use proptest::prelude::*;

const PATH: &str = "/etc/docker/daemon.json";

fn merge(line: &str, json: &str, environment: &[(&str, &str)]) -> Configuration {
    let place = "docker.service's ExecStart";
    let words: Vec<_> = line
        .split_whitespace()
        .map(|word| Sourced::new(word.to_owned(), place))
        .collect();
    let build = Build::unknown();
    let line = command_line::read(&words, &build).unwrap_or_default();
    let variable = environment.iter().find(|(name, _)| *name == "DOCKER_DRIVER");
    let variable = variable.map(|(_, driver)| Sourced::new((*driver).to_owned(), "environment"));
    Configuration::merge(line, daemon_json::parse(json, PATH, &build), variable, &build)
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
            (&config.driver, config.storage_opts.len(), config.uncertain()),
            (&None, 0, None)
        );
        assert_eq!(config.problems, vec![]);
    }
    let none = Configuration::merge(Line::default(), DaemonJson::default(), None, &Build::unknown());
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
        assert_eq!(value(config.driver).as_deref(), Some(driver), "{line} {json}");
    }
}

#[test]
fn what_is_set_twice() {
    let config = merge(
        "dockerd -s overlay2 --storage-opt a=1 --storage-opt b=2 --live-restore",
        "{\"storage-driver\": \"overlay2\",\n\"storage-opts\": [\n\"c=3\"], \"live-restore\": true, \"hosts\": []}",
        &[],
    );
    let twice = |key: &str, flag: (&str, &str), file: (&str, usize)| Problem::Twice {
        key: key.into(),
        flag: Sourced::new(flag.0.into(), format!("flag {} of docker.service's ExecStart", flag.1)),
        file: Sourced::new(file.0.into(), format!("{PATH}:{}", file.1)),
    };
    assert_eq!(
        config.problems,
        [
            twice("live-restore", ("true", "--live-restore"), ("true", 3)),
            twice("storage-driver", ("overlay2", "-s"), ("overlay2", 1)),
            twice("storage-opts", ("[a=1 b=2]", "--storage-opt"), ("[c=3]", 2)),
        ]
    );
    let empty = merge("dockerd -H fd://", "{\"hosts\": []}", &[]);
    assert_eq!(empty.problems, [twice("hosts", ("[fd://]", "-H"), ("[]", 1))]);
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
            (config.data_root.value.as_str(), config.problems.len()),
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
            .uncertain()
            .is_some_and(|why| why.starts_with("/etc/docker/daemon.json:1"))
    );
    let config = merge("dockerd --storage-opt", "{}", &[]);
    assert!(config.uncertain().is_some_and(|why| why.contains("has no value")));
}

proptest! {
    #[test]
    fn never_panics(words in proptest::collection::vec("-{0,2}(g|graph|data-root|H|host|live-restore)=?[a-z:/]{0,9}", 0..6),
                    json in "\\{(\"(graph|data-root|hosts)\": ?(\"x\"|\\[\\]|null|5),?){0,3}\\}") {
        let config = merge(&format!("dockerd {}", words.join(" ")), &json, &[]);
        config.socket_path();
    }
}
