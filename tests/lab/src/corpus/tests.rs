//! The cases' grammar, dockerd's words, and the comparison, on texts.

use super::batch::{self, Judged};
use super::cases::{self, Case};
use super::compare::{Agreement, compare};
use super::normal;
use super::record::{self, Entry, Outcome};
use serde_json::json;

fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_case_is_recorded_and_every_refusal_is_accounted_for() {
    let cases = cases::load(&root()).unwrap();
    let entries = record::load(&root()).unwrap();
    let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    let recorded: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, recorded, "run `cargo lab corpus`");
    let (mut missed, mut refused) = (0, 0);
    for (case, entry) in cases.iter().zip(&entries) {
        let explained = [
            !case.blames.is_empty(),
            case.missed_because.is_some(),
            case.left_to_dockerd,
        ];
        let expected = explained.contains(&true);
        if entry.outcome == Outcome::Refused && !case.left_to_dockerd {
            refused += 1;
            missed += usize::from(case.missed_because.is_some());
        }
        match entry.outcome {
            Outcome::Started => assert!(!expected, "{} started", case.name),
            Outcome::Refused => assert!(expected, "{}: nothing is said of {:?}", case.name, entry.reason),
            Outcome::Hangs | Outcome::NotRun => {}
        }
    }
    assert!(super::enough(missed, refused), "{missed} of {refused} are missed");
}

#[test]
fn a_case_becomes_a_unit_line_and_a_file() {
    let text = "[[case]]\nname = 'a'\ngroup = 'g'\nopts = ['dm.fs=xfs']\nflags = '-D'\n";
    let case = cases::parse(text).unwrap().remove(0);
    assert!(
        case.exec_start().ends_with("--ip-masq=false -D $DOCKER_OPTS"),
        "{}",
        case.exec_start()
    );
    assert!(case.daemon_json().unwrap().contains(r#""dm.fs=xfs""#));
    assert!(cases::parse(&format!("{text}{text}")).is_err());
}

#[test]
fn the_last_words_are_found_and_made_steady() {
    let log = "time=\"2026-01-01T00:00:00Z\" level=info msg=\"Starting up\"\nfailed to start daemon: error initializing graphdriver: \
               devmapper: Base Device UUID:0f3e8a2c-1234-4567-89ab-0123456789ab of docker-254:16-262145-pool\n";
    assert_eq!(
        normal::reason(log),
        "failed to start daemon: error initializing graphdriver: devmapper: Base Device UUID:… of docker-MAJOR:MINOR-INODE-pool"
    );
    assert_eq!(
        normal::reason("Status: unknown flag: --foo\nSee 'dockerd --help'., Code: 125\n"),
        "Status: unknown flag: --foo"
    );
    let started =
        "time=\"…\" level=info msg=\"Docker daemon\" commit=1 graphdriver(s)=overlay2 version=20.10.24+dfsg1\n";
    assert_eq!(normal::driver(started).as_deref(), Some("overlay2"));
}

#[test]
fn verdicts_are_compared() {
    let case = |blames: &[&str], missed: Option<&str>| Case {
        name: "a".into(),
        blames: blames.iter().map(|code| (*code).to_owned()).collect(),
        subject: "dm.fs".into(),
        missed_because: missed.map(str::to_owned),
        ..Case::default()
    };
    let entry = |outcome| Entry {
        name: "a".into(),
        outcome,
        driver: None,
        reason: None,
    };
    let refuses = Judged {
        name: "a".into(),
        code: 1,
        report: json!({"verdict": "refuse", "findings": [{"severity": "refuse", "code": "x", "subject": "dm.fs=XFS", "message": ""}]}),
    };
    let starts = Judged {
        report: json!({"verdict": "start", "findings": []}),
        ..refuses.clone()
    };
    let wrong = |agreement| matches!(agreement, Agreement::Wrong(_));

    assert_eq!(
        compare(&case(&["x"], None), &entry(Outcome::Refused), &refuses),
        Agreement::Agrees
    );
    assert!(wrong(compare(&case(&["y"], None), &entry(Outcome::Refused), &refuses)));
    assert!(wrong(compare(&case(&["x"], None), &entry(Outcome::Started), &refuses)));
    assert!(wrong(compare(&case(&["x"], None), &entry(Outcome::Refused), &starts)));
    assert_eq!(
        compare(&case(&[], Some("why")), &entry(Outcome::Refused), &starts),
        Agreement::Missed
    );
    let left = Case {
        left_to_dockerd: true,
        ..case(&[], None)
    };
    assert_eq!(
        compare(&left, &entry(Outcome::Refused), &starts),
        Agreement::LeftToDockerd
    );
    assert!(wrong(compare(&left, &entry(Outcome::Refused), &refuses)));
    assert!(wrong(compare(
        &case(&["x"], Some("why")),
        &entry(Outcome::Refused),
        &refuses
    )));
}

#[test]
fn the_batch_is_read() {
    let said = "CASE a\n{\"verdict\":\"start\"}\nCODE 0\nCASE b\n{\"verdict\":\"refuse\"}\nCODE 1\n";
    let judged = batch::read(said).unwrap();
    assert_eq!((judged.len(), judged[1].code), (2, 1));
    assert!(batch::read("CASE a\nSETUP-FAILED\n").is_err());
}
