//! What all clues together say of the installed Docker. Pure.

use super::os_release::OsRelease;
use super::package::{Manager, Package};
use super::{Build, Flavour, Version, written};

/// A version text and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// `20.10.24+dfsg1`
    pub text: String,
    /// The command that printed it.
    pub source: String,
}

/// Everything that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clues {
    /// The daemon's file, links and Red Hat's wrapper followed; empty where it is not known.
    pub daemon: String,
    /// What the daemon says of itself.
    pub own: Option<Told>,
    /// Packages that may own the daemon's file.
    pub packages: Vec<Package>,
    /// The distribution.
    pub os: OsRelease,
}

/// Weighs the clues. The daemon's own word wins; without it, what packages say counts where they agree, and is unknown where they do
/// not. A package that contradicts the daemon does not tell whose it is either.
pub fn decide(clues: &Clues) -> Build {
    let packages: Vec<_> = clues
        .packages
        .iter()
        .filter(|package| package.may_own(&clues.daemon))
        .collect();
    let version = match &clues.own {
        Some(own) => written::version(&own.text),
        None => agreed(&packages),
    };
    let of_it: Vec<_> = packages
        .iter()
        .copied()
        .filter(|package| version.is_some() && written::version(&package.version) == version)
        .collect();
    let flavour = match agreed_flavour(&of_it, &clues.os) {
        Some(flavour) if flavour != Flavour::Unknown => flavour,
        _ => by_name(clues),
    };
    Build {
        version,
        flavour,
        evidence: evidence(clues, &of_it, &packages),
    }
}

/// The one version that all of them mean.
fn agreed(packages: &[&Package]) -> Option<Version> {
    let mut versions = packages.iter().map(|package| written::version(&package.version));
    let first = versions.next()??;
    versions.all(|version| version == Some(first)).then_some(first)
}

fn agreed_flavour(packages: &[&Package], os: &OsRelease) -> Option<Flavour> {
    let mut flavours = packages.iter().map(|package| of_package(package, os));
    let first = flavours.next()?;
    Some(match flavours.all(|flavour| flavour == first) {
        true => first,
        false => Flavour::Unknown,
    })
}

/// Whose package this is. The same name is used by more than one house, so the distribution must say which.
fn of_package(package: &Package, os: &OsRelease) -> Flavour {
    let marked = |mark: &str| {
        written::words(&package.version)
            .chain(written::words(&package.release))
            .any(|word| word == mark)
    };
    match (package.manager, package.name.as_str()) {
        // Docker's builds for paying customers carry changes of later versions.
        _ if marked("ee") || marked("cs") => Flavour::Unknown,
        (Manager::Dpkg, "docker.io") => Flavour::Debian,
        (_, "docker-ce") => Flavour::Upstream,
        (Manager::Dpkg, name) if name == "docker-engine" || name.starts_with("lxc-docker") => Flavour::Upstream,
        (Manager::Rpm, "docker-engine") if marked("ol") || os.id == "ol" => Flavour::Oracle,
        // Docker made it for these; elsewhere it is Oracle's or another house's.
        (Manager::Rpm, "docker-engine") if matches!(os.id.as_str(), "centos" | "rhel" | "fedora") => Flavour::Upstream,
        (Manager::Rpm, "docker") if marked("amzn") || os.id == "amzn" => Flavour::Amazon,
        (Manager::Rpm, "docker" | "docker-latest") if marked("el") || marked("fc") || os.is_like("fedora") => {
            Flavour::RedHat
        }
        _ => Flavour::Unknown,
    }
}

/// Whose it is by the marks that builders leave in the file's name and in the version: `-current` and `-latest` are Red Hat's
/// alone, and so was `1.8.2-el7.centos`; Debian writes `+dfsg1`, Oracle `19.03.11-ol`.
fn by_name(clues: &Clues) -> Flavour {
    let own = clues.own.as_ref().map_or("", |own| own.text.as_str());
    let marked = |mark: &str| written::words(own).any(|word| word == mark);
    match clues.daemon.as_str() {
        name if name.ends_with("-current") || name.ends_with("-latest") => Flavour::RedHat,
        _ if marked("dfsg") => Flavour::Debian,
        _ if marked("ol") => Flavour::Oracle,
        _ if marked("el") => Flavour::RedHat,
        _ => Flavour::Unknown,
    }
}

fn evidence(clues: &Clues, of_it: &[&Package], all: &[&Package]) -> String {
    let told = |told: &Told| format!("{} says {}", told.source, told.text);
    let mut parts: Vec<_> = clues.own.iter().map(told).collect();
    let named = match of_it {
        [] => all,
        some => some,
    };
    for package in named {
        let release = match package.release.as_str() {
            "" => String::new(),
            release => format!("-{release}"),
        };
        let Package {
            name, version, source, ..
        } = package;
        let but = if of_it.is_empty() { ", which does not agree" } else { "" };
        parts.push(format!("package {name} {version}{release} ({source}){but}"));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests;
