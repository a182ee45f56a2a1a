//! What rpmbuild is given: the crate's own sources, and of the crates that are compiled into the binary the list, the licences and
//! the bill of materials.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::json;

use crate::guard::TARGET;
use crate::paths::{Paths, cargo};
use crate::progress;

/// `cargo metadata`, as far as it is needed here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// None for a normal dependency; else `dev` or `build`.
    kind: Option<String>,
}

/// Puts all sources into `directory`; gives thinguard's version.
pub fn gather(paths: &Paths, directory: &Path) -> Result<String> {
    let metadata = metadata(paths)?;
    let thinguard = metadata
        .packages
        .iter()
        .find(|package| package.name == "thinguard")
        .context("there is no thinguard in the workspace")?;
    let version = &thinguard.version;
    let crates = compiled_in(&metadata, &thinguard.id);
    crate_file(paths, version, directory)?;
    fs::write(
        directory.join(format!("thinguard-{version}.cdx.json")),
        bill_of_materials(version, &crates)?,
    )?;
    fs::write(directory.join("bundled-crates.inc"), provides(&crates))?;
    licenses(
        &crates,
        &directory.join(format!("thinguard-{version}-licenses.tar")),
        directory,
    )?;
    Ok(version.clone())
}

fn metadata(paths: &Paths) -> Result<Metadata> {
    let said = progress::output(
        cargo()
            .args([
                "metadata",
                "--locked",
                "--format-version=1",
                "--filter-platform",
                TARGET,
            ])
            .current_dir(&paths.root),
    )?;
    serde_json::from_str(&said).context("cargo metadata is not as expected")
}

/// The crates whose code is in the binary: normal dependencies, without what only the compiler runs.
fn compiled_in<'a>(metadata: &'a Metadata, root: &'a str) -> Vec<&'a Package> {
    let packages: BTreeMap<&str, &Package> = metadata.packages.iter().map(|it| (it.id.as_str(), it)).collect();
    let nodes: BTreeMap<&str, &Node> = metadata.resolve.nodes.iter().map(|it| (it.id.as_str(), it)).collect();
    let is_macro = |package: &Package| {
        let mut kinds = package.targets.iter().flat_map(|target| &target.kind);
        kinds.any(|kind| kind == "proc-macro")
    };
    let mut seen = BTreeSet::new();
    let mut open = vec![root];
    while let Some(id) = open.pop() {
        let Some(node) = nodes.get(id).filter(|_| seen.insert(id)) else {
            continue;
        };
        let normal = |dependency: &&Dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
        let compiled = |id: &&str| packages.get(id).is_some_and(|package| !is_macro(package));
        open.extend(
            node.deps
                .iter()
                .filter(normal)
                .map(|it| it.pkg.as_str())
                .filter(compiled),
        );
    }
    let mut crates: Vec<&Package> = seen
        .iter()
        .filter(|id| **id != root)
        .filter_map(|id| packages.get(id).copied())
        .collect();
    crates.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    crates
}

/// cargo writes the crate's file in one place for all, so one scenario at a time.
static PACKAGING: Mutex<()> = Mutex::new(());

/// What `cargo publish` would upload: the files of the crate with the times of all of them fixed.
fn crate_file(paths: &Paths, version: &str, directory: &Path) -> Result<()> {
    let _alone = PACKAGING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut package = cargo();
    package
        .args([
            "package",
            "--quiet",
            "--package",
            "thinguard",
            "--no-verify",
            "--allow-dirty",
            "--offline",
        ])
        .arg("--target-dir")
        .arg(&paths.target)
        .current_dir(&paths.root);
    progress::logged(
        &mut package,
        &paths.lab.join("rpmbuild.log"),
        std::time::Duration::from_secs(120),
    )?;
    let name = format!("thinguard-{version}.crate");
    let made = paths.target.join("package").join(&name);
    fs::copy(&made, directory.join(&name)).with_context(|| format!("cannot read {}", made.display()))?;
    Ok(())
}

fn provides(crates: &[&Package]) -> String {
    crates.iter().fold(String::new(), |mut lines, it| {
        // rpm reads a plus sign in a version, but not what else semver allows there.
        let version = it.version.replace('-', "~");
        writeln!(lines, "Provides: bundled(crate({})) = {version}", it.name).expect("a string takes all");
        lines
    })
}

/// CycloneDX 1.5, without what changes from build to build: no serial number and no time.
fn bill_of_materials(version: &str, crates: &[&Package]) -> Result<String> {
    let components: Vec<_> = crates
        .iter()
        .map(|it| {
            json!({
                "type": "library",
                "name": it.name,
                "version": it.version,
                "scope": "required",
                "purl": format!("pkg:cargo/{}@{}", it.name, it.version),
                "licenses": [{ "expression": expression(it) }],
            })
        })
        .collect();
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": {
            "type": "application",
            "name": "thinguard",
            "version": version,
            "purl": format!("pkg:cargo/thinguard@{version}"),
            "licenses": [{ "expression": "Apache-2.0" }],
        }},
        "components": components,
    });
    Ok(serde_json::to_string_pretty(&bill)? + "\n")
}

/// The licence as SPDX writes it; a slash is cargo's old word for OR.
fn expression(package: &Package) -> String {
    package.license.as_deref().unwrap_or("NOASSERTION").replace('/', " OR ")
}

/// Each crate's licence files below `licenses/NAME-VERSION/`, in one archive whose bytes depend on nothing else.
fn licenses(crates: &[&Package], archive: &Path, scratch: &Path) -> Result<()> {
    let root = scratch.join("licenses");
    for it in crates {
        let to = root.join(format!("{}-{}", it.name, it.version));
        fs::create_dir_all(&to)?;
        // Two crates of a workspace may ship none of their own; what they say of their licence is kept for all.
        fs::write(to.join("SPDX"), expression(it) + "\n")?;
        let from = it.manifest_path.parent().context("a manifest has a directory")?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().to_uppercase();
            let is_license = ["LICEN", "COPYING", "NOTICE", "UNLICENSE"]
                .iter()
                .any(|it| name.starts_with(it));
            if is_license && entry.file_type()?.is_file() {
                fs::copy(entry.path(), to.join(entry.file_name()))?;
            }
        }
    }
    ensure!(!crates.is_empty(), "no crate is compiled into thinguard");
    let mut tar = Command::new("tar");
    tar.args([
        "--sort=name",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--mtime=@0",
        "--mode=a=r,u+w,a+X",
    ])
    .arg("-C")
    .arg(scratch)
    .arg("-cf")
    .arg(archive)
    .arg("licenses");
    progress::output(&mut tar)?;
    fs::remove_dir_all(root)?;
    Ok(())
}
