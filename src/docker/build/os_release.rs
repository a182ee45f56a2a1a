//! `os-release`: whose distribution this is. Pure.

/// The keys that tell builds apart (os-release(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OsRelease {
    /// `centos`, `ol`, `amzn`, `debian`; empty where it is not known.
    pub id: String,
    /// What it is like, most like first: `rhel fedora`.
    pub id_like: Vec<String>,
    /// `7`, `2`, `12`; empty where it is not known.
    pub version_id: String,
}

impl OsRelease {
    /// Reads the file's text. It is shell assignments, and these three values never hold anything that a shell would expand.
    pub fn parse(text: &str) -> OsRelease {
        let value = |name: &str| {
            let mut values = text
                .lines()
                .filter_map(|line| line.trim_start().strip_prefix(name)?.strip_prefix('='));
            values.next_back().map(unquoted).unwrap_or_default()
        };
        OsRelease {
            id: value("ID"),
            id_like: value("ID_LIKE").split_whitespace().map(str::to_owned).collect(),
            version_id: value("VERSION_ID"),
        }
    }

    /// Whether it is this distribution or one made of it.
    pub fn is_like(&self, id: &str) -> bool {
        self.id == id || self.id_like.iter().any(|like| like == id)
    }
}

fn unquoted(value: &str) -> String {
    let value = value.trim();
    let inner = ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    inner.unwrap_or(value).to_owned()
}

#[cfg(test)]
mod tests;
