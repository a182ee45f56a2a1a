//! dockerd's words brought to a form that is the same at each start: the line that tells why it ended, without what changes.

/// What dockerd's reason begins with; the last line that has one of these tells why it ended.
const REASONS: &[&str] = &[
    "failed to start daemon: ",
    "unable to configure the Docker daemon with file ",
    "failed to start containerd: ",
    "failed to load listeners: ",
    "failed to create API server: ",
];

/// Why dockerd ended.
pub fn reason(log: &str) -> String {
    let lines: Vec<&str> = log.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let known = lines
        .iter()
        .rev()
        .find(|line| REASONS.iter().any(|start| line.starts_with(start)));
    let plain = || {
        // Flags are complained of before there is a logger.
        lines
            .iter()
            .find(|line| !line.starts_with("time=") && !line.starts_with("systemctl: ") && !line.starts_with("See "))
    };
    let logged = || {
        lines
            .iter()
            .rev()
            .find(|line| line.contains("level=fatal") || line.contains("level=error"))
    };
    let asked = || lines.iter().find(|line| line.starts_with("systemctl: "));
    let line = known
        .or_else(plain)
        .or_else(logged)
        .or_else(asked)
        .copied()
        .unwrap_or_default();
    steady(line)
}

/// The storage driver that dockerd names in its log.
pub fn driver(log: &str) -> Option<String> {
    let (_, rest) = log.rsplit_once("graphdriver(s)=")?;
    Some(rest.split_whitespace().next()?.trim_matches('"').to_owned())
}

/// Replaces what differs from start to start: times, identifiers, and the inode in the pool's name.
pub fn steady(line: &str) -> String {
    let line = match line.strip_prefix("time=") {
        Some(rest) => rest.split_once(' ').map_or(rest, |(_, after)| after),
        None => line,
    };
    let mut steady = String::new();
    let mut run = String::new();
    for letter in line.chars().chain([' ']) {
        if letter.is_ascii_hexdigit() || (letter == '-' && !run.is_empty()) {
            run.push(letter);
            continue;
        }
        steady.push_str(&known_run(&run));
        run.clear();
        steady.push(letter);
    }
    temporary_names(&pool_names(steady.trim_end()))
}

/// Go ends the name of a temporary file with a number.
fn temporary_names(line: &str) -> String {
    let mut parts = line.split(".tmp");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |steady, part| {
        steady + ".tmp" + part.trim_start_matches(|letter: char| letter.is_ascii_digit())
    })
}

/// A UUID or a long hexadecimal identifier becomes `…`.
fn known_run(run: &str) -> String {
    let digits = run.chars().filter(|letter| letter.is_ascii_hexdigit()).count();
    let numbers = run.chars().filter(char::is_ascii_digit).count();
    if digits >= 24 && numbers >= 4 {
        "…".to_owned()
    } else {
        run.to_owned()
    }
}

/// `docker-254:16-262145` is named after a device and an inode.
fn pool_names(line: &str) -> String {
    let mut steady = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("docker-") {
        steady.push_str(before);
        steady.push_str("docker-");
        let name: String = after
            .chars()
            .take_while(|letter| letter.is_ascii_digit() || ":-".contains(*letter))
            .collect();
        let is_name = name.contains(':');
        steady.push_str(if is_name { "MAJOR:MINOR-INODE" } else { &name });
        if is_name && name.ends_with('-') {
            steady.push('-');
        }
        rest = &after[name.len()..];
    }
    steady + rest
}
