//! Values with a grammar of their own, as flags and keys bear them: where the API listens, limits, pools of addresses. Refused is only
//! what every version refuses.

/// Where dockerd listens (moby `opts/hosts.go`: v1.10.3 `parseDockerDaemonHost`, v20.10.24 and v24.0.9 `parseDaemonHost`). The scheme's case
/// counts; npipe is Windows' own (`daemon/listeners/listeners_linux.go`, `Init`).
pub fn host(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let (scheme, address) = text.split_once("://").unwrap_or(("tcp", text));
    let good = match scheme {
        "fd" | "unix" => true,
        "tcp" => tcp(address),
        _ => false,
    };
    (!good).then(|| format!("Invalid bind address format: {text}"))
}

/// Names, ports that are numbers, and what only some versions take pass; a path alone does not, and no word for a port.
fn tcp(address: &str) -> bool {
    if address.starts_with('/') {
        return false;
    }
    let end = address.find(['/', '?', '#']).unwrap_or(address.len());
    let (authority, _) = address.split_at(end);
    let colons = authority.matches(':').count();
    let port = match authority.rsplit_once(':') {
        Some((host, port)) if host.ends_with(']') || colons == 1 => port,
        _ => return true,
    };
    authority.contains('@') || !port.contains(|c: char| c.is_ascii_alphabetic())
}

/// The kernel's limits by go-units' names (docker/go-units `ulimit.go`, the same since Docker 1.10).
const LIMITS: [&str; 15] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// `name=soft[:hard]` (`ParseUlimit`). 1.10 overlooks an unreadable hard limit, takes it for 0, and refuses what is above that.
pub fn ulimit(text: &str) -> Option<String> {
    let Some((name, limits)) = text.split_once('=') else {
        return Some(format!("invalid ulimit argument: {text}"));
    };
    if !LIMITS.contains(&name) {
        return Some(format!("invalid ulimit type: {name}"));
    }
    let (soft, hard) = match limits.split_once(':') {
        Some((soft, hard)) => (soft, Some(hard)),
        None => (limits, None),
    };
    let number = |text: &str| text.parse::<i64>();
    let Ok(soft) = number(soft) else {
        return Some(format!("{soft:?} in {text} is no whole number"));
    };
    match hard.map(|hard| (hard, number(hard))) {
        Some((hard, Err(_))) if soft > 0 => Some(format!("{hard:?} in {text} is no whole number")),
        Some((_, Ok(hard))) if hard != -1 && soft > hard => Some(format!(
            "ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}"
        )),
        _ => None,
    }
}

/// `base=10.0.0.0/8,size=24` (moby `opts/address_pools.go`, since v18.06.0-ce). A field in quotes, as CSV has them, is let pass.
pub fn address_pool(text: &str) -> Option<String> {
    if text.contains(['"', '\n', '\r']) {
        return None;
    }
    text.split(',').find_map(|field| {
        let Some((key, value)) = field.split_once('=') else {
            return Some(format!("invalid field '{field}' must be a key=value pair"));
        };
        match key.to_lowercase().as_str() {
            "base" => None,
            "size" if value.parse::<i64>().is_ok() => None,
            "size" => Some(format!("invalid size value: {value:?} (must be integer)")),
            _ => Some(format!("unexpected key '{key}' in '{field}'")),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hosts() {
        for good in [
            "",
            " ",
            "fd://",
            "unix://",
            "unix:///var/run/docker.sock",
            "tcp://",
            "tcp://:2375",
            "tcp://0.0.0.0:2375",
            "0.0.0.0:2375",
            "localhost",
            "tcp://[::1]:2375",
            "tcp://[::]:",
            "::1:2375",
            "tcp://host:2375/path",
            " tcp://host:2375",
        ] {
            assert_eq!(host(good), None, "{good}");
        }
        for bad in [
            "npipe:////./pipe/docker",
            "http://0.0.0.0:2375",
            "TCP://0.0.0.0:2375",
            "://x",
            "udp://127.0.0.1",
            "/var/run/docker.sock",
            "tcp:///var/run/docker.sock",
            "tcp://0.0.0.0:port",
            "0.0.0.0:2375x",
            "tcp://[::1]:x",
        ] {
            assert!(host(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn limits() {
        for good in [
            "nofile=1024",
            "nofile=1024:2048",
            "nofile=-1",
            "nofile=1024:-1",
            "nofile=0:x",
            "core=0:0",
        ] {
            assert_eq!(ulimit(good), None, "{good}");
        }
        for bad in [
            "nofile",
            "",
            "files=1",
            "NOFILE=1",
            "nofile=",
            "nofile=1k",
            "nofile=2048:1024",
            "nofile=1:2:3",
            "nofile=1:x",
            "nofile=1024:",
        ] {
            assert!(ulimit(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn pools() {
        for good in [
            "base=10.0.0.0/8,size=24",
            "BASE=10.0.0.0/8",
            "size=24",
            "\"base=x\",size=24",
        ] {
            assert_eq!(address_pool(good), None, "{good}");
        }
        for bad in [
            "",
            "10.0.0.0/8",
            "base=10.0.0.0/8,size=/24",
            "base=x,mask=24",
            "base=x, size=24",
            "base=x,",
        ] {
            assert!(address_pool(bad).is_some(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a-z0-9:/@=,\\[\\]\\PC]{0,40}") {
            let _ = (host(&text), ulimit(&text), address_pool(&text));
        }
    }
}
