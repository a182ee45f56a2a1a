//! The way past a refusal: every refusal names it, since whoever reads it at night may know better.

/// The drop-in that runs preflight before a unit; see units/docker.service.d.
const DROP_IN: &str = "50-thinguard.conf";

/// One line for a root shell that masks preflight for this unit and starts it: until the link is removed nothing is checked.
pub fn command(unit: &str) -> String {
    let unit = if is_plain(unit) { unit } else { "docker.service" };
    let directory = format!("/etc/systemd/system/{unit}.d");
    let socket = unit.strip_suffix(".service").unwrap_or(unit);
    format!(
        "mkdir -p {directory} && ln -s /dev/null {directory}/{DROP_IN} && systemctl daemon-reload; \
         systemctl reset-failed {unit} {socket}.socket; systemctl start {unit}"
    )
}

/// A unit's name that means nothing else to a shell.
fn is_plain(unit: &str) -> bool {
    !unit.is_empty()
        && !unit.starts_with(['-', '.'])
        && unit
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.' | b'@' | b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_readme_says() {
        let readme = include_str!("../../README.md");
        let mask = "mkdir -p /etc/systemd/system/docker.service.d && ln -s /dev/null \
                    /etc/systemd/system/docker.service.d/50-thinguard.conf && systemctl daemon-reload";
        let start = "systemctl reset-failed docker.service docker.socket; systemctl start docker";
        assert!(readme.contains(mask) && readme.contains(start));
        assert_eq!(command("docker.service"), format!("{mask}; {start}.service"));
    }

    #[test]
    fn it_follows_the_unit_and_no_trick() {
        assert!(command("docker-latest.service").ends_with(
            "systemctl reset-failed docker-latest.service docker-latest.socket; systemctl start docker-latest.service"
        ));
        for trick in ["", "x; rm -rf /", "$(x)", "../x.service", "-x", "a\nb"] {
            assert_eq!(command(trick), command("docker.service"), "{trick}");
        }
    }
}
