//! What a fleet's monitoring sees: the guard's figures as a real node_exporter gives them to Prometheus.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Scenario;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::{fault, progress, tools, watch};

pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "metrics-are-scraped",
    about: "node_exporter gives the guard's figures to Prometheus; a file that cannot be written is told, and holds nothing up",
    snapshot: Snapshot::Running,
    slow: Some("the file is seen by node_exporter, frozen and thawed"),
    run: metrics_are_scraped,
}];

/// A filesystem of its own, that can be frozen.
const DIRECTORY: &str = "/mnt/textfile";

fn metrics_are_scraped(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    let exporter = tools::unpacked(host.paths(), "prometheus-node-exporter", "prometheus-node-exporter")?;
    host.put("/usr/local/bin/node_exporter", 0o755, &fs::read(exporter)?)?;
    // Small steps: the next growth is then not far.
    host.put(
        "/etc/thinguard.d/50-metrics.toml",
        0o644,
        format!(
            "[metrics]\ntextfile = \"{DIRECTORY}/thinguard.prom\"\n[watch]\nlook_deadline = \"3s\"\n\
             [data]\nstep_percent = 1\nstep_min = \"64M\"\nstep_time = 0\n"
        )
        .as_bytes(),
    )?;
    watch::start(host)?;
    watch::await_line(
        host,
        &format!(
            "metrics-not-written: the figures for Prometheus cannot be written to {DIRECTORY}/thinguard.prom: there is no directory {DIRECTORY}"
        ),
        Duration::from_secs(20),
    )?;

    host.sh(&format!(
        "truncate -s 16M /root/textfile.img && mkfs.ext4 -q /root/textfile.img && mkdir {DIRECTORY} && \
         mount -o loop /root/textfile.img {DIRECTORY} && chmod 755 {DIRECTORY} && systemd-run --quiet --unit=node-exporter -p User=nobody \
         /usr/local/bin/node_exporter --collector.disable-defaults --collector.textfile \
         --collector.textfile.directory={DIRECTORY} --web.listen-address=127.0.0.1:9100"
    ))?;
    let over = watch::await_line(host, "thinguard.prom: over after", Duration::from_secs(40))?;
    println!("    {over}");
    fault::ballast(host, 64 << 20)?;
    let used = (host.pool_status()?.data.used << 16) as f64;
    let scraped = host.wait_for("the growth to be scraped", Duration::from_secs(60), |host| {
        let scraped = scrape(host)?;
        let grown = scraped.get("thinguard_growths_total{device=\"data\"}");
        let written = scraped.get("thinguard_pool_data_used_bytes") == Some(&used);
        Ok((written && grown.is_some_and(|times| *times >= 1.0)).then_some(scraped))
    })?;
    agrees_with_the_host(host, &scraped)?;
    figures.add(
        "series of thinguard",
        scraped.keys().filter(|name| name.starts_with("thinguard_")).count(),
        "",
    );
    passes_promtool(host)?;
    rules_are_understood(host)?;
    survives_a_frozen_directory(host)
}

/// All series of node_exporter, if it answers already.
fn scrape(host: &mut Host) -> Result<BTreeMap<String, f64>> {
    let said = host.sh_timeout(
        "busybox wget -q -O - http://127.0.0.1:9100/metrics",
        Duration::from_secs(10),
    )?;
    said.stdout
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').context("a line without a value")?;
            Ok((name.to_owned(), value.parse().with_context(|| line.to_owned())?))
        })
        .collect()
}

fn agrees_with_the_host(host: &mut Host, scraped: &BTreeMap<String, f64>) -> Result<()> {
    let pool = host.pool_status()?;
    for (name, value) in [
        ("node_textfile_scrape_error", 0),
        ("thinguard_pool_active", 1),
        ("thinguard_pool_mode{mode=\"rw\"}", 1),
        ("thinguard_pool_mode{mode=\"ro\"}", 0),
        ("thinguard_pool_data_size_bytes", pool.data.total << 16),
        ("thinguard_pool_metadata_size_bytes", pool.metadata.total << 12),
        ("thinguard_pool_data_used_bytes", pool.data.used << 16),
        ("thinguard_docker_up", 1),
        ("thinguard_docker_answers", 1),
        ("thinguard_docker_stuck_tasks", 0),
        ("thinguard_restarts_total", 0),
        ("thinguard_restarts_left", 3),
        ("thinguard_stuck_errands", 0),
    ] {
        ensure!(
            scraped.get(name).copied() == Some(value as f64),
            "{name} is not {value}: {scraped:#?}"
        );
    }
    let looked = scraped
        .get("thinguard_last_look_timestamp_seconds")
        .context("no time of the last look")?;
    let now: f64 = host.sh("date +%s")?.trim().parse()?;
    ensure!(
        (now - looked).abs() < 60.0,
        "last look at {looked}, and now it is {now}"
    );
    Ok(())
}

/// Prometheus' own judge of names, types and words.
fn passes_promtool(host: &mut Host) -> Result<()> {
    let promtool = tools::unpacked(host.paths(), "prometheus", "promtool")?;
    let text = host.sh(&format!("cat {DIRECTORY}/thinguard.prom"))?;
    let file = host.paths().lab.join("thinguard.prom");
    fs::write(&file, &text)?;
    let said = Command::new(&promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::from(fs::File::open(&file)?))
        .output()
        .context("promtool")?;
    let _ = fs::remove_file(&file);
    ensure!(
        said.status.success() && said.stderr.is_empty(),
        "promtool: {said:?}\n{text}"
    );
    Ok(())
}

/// The rules that are shipped, and the dashboard's expressions as rules.
fn rules_are_understood(host: &mut Host) -> Result<()> {
    let promtool = tools::unpacked(host.paths(), "prometheus", "promtool")?;
    let shipped = host.paths().root.join("packaging/monitoring");
    let dashboard: serde_json::Value = serde_json::from_slice(&fs::read(shipped.join("grafana-dashboard.json"))?)?;
    let expressions = dashboard["panels"]
        .as_array()
        .context("a dashboard without panels")?
        .iter()
        .flat_map(|panel| panel["targets"].as_array().cloned().unwrap_or_default())
        .filter_map(|target| target["expr"].as_str().map(|it| it.replace("$instance", ".*")));
    let rules: Vec<_> = expressions
        .enumerate()
        .map(|(at, expression)| serde_json::json!({ "record": format!("panel:{at}"), "expr": expression }))
        .collect();
    ensure!(rules.len() >= 20, "the dashboard has {} expressions", rules.len());
    // YAML takes JSON as it is.
    let made = host.paths().lab.join("dashboard.rules.yml");
    fs::write(
        &made,
        serde_json::json!({ "groups": [{ "name": "dashboard", "rules": rules }] }).to_string(),
    )?;
    for file in [shipped.join("thinguard.rules.yml"), made.clone()] {
        let said = progress::output(Command::new(&promtool).args(["check", "rules"]).arg(&file))?;
        ensure!(said.contains("SUCCESS"), "{}: {said}", file.display());
    }
    Ok(fs::remove_file(made)?)
}

/// The child that writes hangs in D state; the guard says so, keeps its heartbeat, and goes on growing.
fn survives_a_frozen_directory(host: &mut Host) -> Result<()> {
    let before = host.pool_status()?.data.total;
    host.sh(&format!("fsfreeze --freeze {DIRECTORY}"))?;
    let told = frozen(host, before);
    host.sh(&format!("fsfreeze --unfreeze {DIRECTORY}"))?;
    told?;
    let over = |host: &mut Host| -> Result<Option<()>> {
        let said = watch::journal(host)?;
        Ok((said.matches("thinguard.prom: over after").count() == 2).then_some(()))
    };
    host.wait_for("the file to be written again", Duration::from_secs(40), over)
}

fn frozen(host: &mut Host, before: u64) -> Result<()> {
    let told = watch::await_line(host, "the write has been stuck for", Duration::from_secs(60))?;
    println!("    {told}");
    fault::ballast(host, 64 << 20)?;
    host.wait_for("growth beside the stuck write", Duration::from_secs(120), |host| {
        Ok((host.pool_status()?.data.total > before).then_some(()))
    })?;
    let stuck = host.sh("ps -eo stat=,wchan:32=,comm= | grep -c '^D.*thinguard' || true")?;
    ensure!(stuck.trim() == "1", "{} children are stuck", stuck.trim());
    Ok(())
}
