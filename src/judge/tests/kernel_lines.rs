//! What the kernel's log adds to the findings, and what it must not.

use super::*;
use crate::model::{Code, KernelEvent, KernelLine, Severity};

fn line(event: KernelEvent, device: Option<&str>, when: u64) -> KernelLine {
    KernelLine {
        when: secs(when),
        times: 1,
        event,
        device: device.map(str::to_owned),
        volume: None,
        text: "the line".into(),
    }
}

fn found(lines: &[KernelLine]) -> Vec<(Code, Severity)> {
    let mut seen = seen(pool(), answered(), TaskState::Alive);
    seen.evidence.kernel = Seen::Known(lines.to_vec());
    let verdict = judge_once(&seen);
    assert_eq!(verdict.deed, None, "nothing is done about a line in a log");
    verdict.findings.iter().map(|f| (f.code, f.severity)).collect()
}

#[test]
fn failed_writes_below_the_pool_are_told() {
    let failed = |write| KernelEvent::DeviceError { write };
    let lost = |severity| vec![(Code::LoopWriteErrors, severity)];
    for (what, lines, wanted) in [
        ("nothing said", vec![], vec![]),
        (
            "a write of the data device",
            vec![line(failed(Some(true)), Some("loop0"), 999)],
            lost(Severity::Refuse),
        ),
        (
            "an old kernel, which does not say that it was a write",
            vec![line(failed(None), Some("loop1"), 900)],
            lost(Severity::Warn),
        ),
        (
            "the same, with the loop driver's own word beside it",
            vec![
                line(failed(None), Some("loop1"), 900),
                line(KernelEvent::LoopWriteError, None, 900),
            ],
            lost(Severity::Refuse),
        ),
        ("a read", vec![line(failed(Some(false)), Some("loop0"), 999)], vec![]),
        ("long ago", vec![line(failed(Some(true)), Some("loop0"), 399)], vec![]),
        (
            "another loop device",
            vec![line(failed(Some(true)), Some("loop7"), 999)],
            vec![],
        ),
        (
            "EL7's bio-based loop, which does not say which",
            vec![line(KernelEvent::LoopWriteError, None, 999)],
            lost(Severity::Warn),
        ),
        (
            "the line beside it says which",
            vec![
                line(KernelEvent::LoopWriteError, None, 999),
                line(failed(Some(true)), Some("loop7"), 998),
            ],
            vec![],
        ),
    ] {
        assert_eq!(found(&lines), wanted, "{what}");
    }
}

#[test]
fn a_container_without_its_filesystem_is_told_once() {
    let shut = |volume: Option<&str>| KernelLine {
        volume: volume.map(str::to_owned),
        ..line(KernelEvent::FilesystemShutDown, Some("dm-3"), 900)
    };
    let volume = Some("docker-254:16-12-abc");
    let wanted = vec![(Code::ContainerFilesystemShutDown, Severity::Warn)];
    assert_eq!(found(&[shut(volume), shut(volume)]), wanted);
    assert_eq!(found(&[shut(None)]), vec![], "a filesystem of the host's, or over");
}
