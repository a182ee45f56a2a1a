//! What stops with a service.

use super::super::dependents::Standing;
use super::*;

/// Docker with its socket, a unit that requires it, one that is down and has another behind it, a stop that somebody has ordered, a
/// scope, a circle, and a systemd that does not know two of the properties.
fn dependents(object: &str, member: &str, args: &[String]) -> Answer {
    let unit = args.first().map(String::as_str).unwrap_or_default();
    let at = if member == "Get" { object } else { member };
    match (at, args.last().map(String::as_str).unwrap_or_default()) {
        ("GetUnit", "gone.service") => Err(NO_SUCH_UNIT),
        ("GetUnit", name) => body(path(&format!("/u/{}", name.replace(['.', '-'], "_")))),
        ("/u/docker_service", "RequiredBy") => variant(vec!["z.service", "down.service", "gone.service"]),
        ("/u/docker_service", "ConsistsOf") => variant(vec!["docker.socket", "stopping.service"]),
        ("/u/docker_socket", "BoundBy") => variant(vec!["by-socket.timer"]),
        ("/u/down_service", "RequiredBy") => variant(vec!["behind.target", "x.scope"]),
        ("/u/behind_target", "BoundBy") => variant(vec!["docker.service"]),
        (_, "RequisiteOf" | "PropagatesStopTo") => Err(UNKNOWN),
        (_, "RequiredBy" | "BoundBy" | "ConsistsOf") => variant(Vec::<&str>::new()),
        ("/u/down_service", "ActiveState") => variant("failed"),
        ("/u/z_service", "ActiveState") => variant("activating"),
        ("/u/stopping_service", "Job") => variant((77u32, path("/org/freedesktop/systemd1/job/77"))),
        (_, "JobType") => variant("stop"),
        (_, "Job") => variant((0u32, path("/"))),
        (_, "ActiveState") => variant("active"),
        ("StartUnit", "fail") if unit == "behind.target" => body(path("/org/freedesktop/systemd1/job/1")),
        _ => Err("org.freedesktop.systemd1.UnitMasked"),
    }
}

#[test]
fn what_stops_with_a_service() {
    let names = mock_of(dependents)
        .stopped_with("docker.service", "docker.socket")
        .unwrap();
    assert_eq!(names, ["z.service", "by-socket.timer", "behind.target"]);
    for (name, standing) in [
        ("z.service", Standing::Up),
        ("stopping.service", Standing::Stopping),
        ("down.service", Standing::Down),
        ("gone.service", Standing::Down),
    ] {
        assert_eq!(mock_of(dependents).standing(name).unwrap(), standing, "{name}");
    }
}

#[test]
fn what_was_stopped_is_started_in_the_mode_that_never_replaces() {
    mock_of(dependents).start_again("behind.target").unwrap();
    let refused = mock_of(dependents).start_again("z.service").unwrap_err();
    assert!(format!("{refused:#}").contains("UnitMasked"), "{refused:#}");
    for name in ["x.scope", "target", ".target", "a b.timer", ""] {
        assert!(mock_of(dependents).start_again(name).is_err(), "{name}");
    }
}

/// Not without end, whatever systemd says.
#[test]
fn a_bound_to_what_is_looked_at() {
    fn endless(object: &str, member: &str, args: &[String]) -> Answer {
        let unit: u32 = object.rsplit('_').next().unwrap_or_default().parse().unwrap_or(0);
        match (member, args.last().map(String::as_str).unwrap_or_default()) {
            ("GetUnit", name) => {
                let number: String = name.chars().filter(char::is_ascii_digit).collect();
                body(path(&format!("/u/u_{number}")))
            }
            (_, "RequiredBy") => variant(vec![format!("u{}.service", unit + 1)]),
            _ => dependents(object, member, args),
        }
    }
    let names = mock_of(endless).stopped_with("u0.service", "u0.socket").unwrap();
    assert_eq!(names.len(), 255);
}
