//! Task lines and stacks as kernels write them, hostile ones, and groups in either hierarchy.

use super::*;

fn line(comm: &str, state: char) -> String {
    format!(
        "77 ({comm}) {state} 1 77 77 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 20 0 4242 1 2 18446744073709551615 1 1 0 0 0 0 0 0 \
         2143420159 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
    )
}

#[test]
fn names_that_look_like_fields_are_names() {
    for comm in ["dockerd", "foo) Z ", "a b) D 1 2 (", "))))", "", "\n"] {
        let task = parse_stat(7, line(comm, 'D').as_bytes(), " xfs_ail_push_all_sync\n").expect(comm);
        assert_eq!(
            (task.tid, task.comm.as_str(), task.state),
            (77, comm, TaskState::Uninterruptible)
        );
        assert_eq!((task.start_ticks, task.wchan.as_str()), (4242, "xfs_ail_push_all_sync"));
    }
}

#[test]
fn broken_lines_are_no_task() {
    for text in [
        "",
        "77",
        "77 (x",
        "77 (x) ",
        "77 (x)",
        "77 x)",
        ")",
        "x (y) S 1",
        "77 (dockerd) D 1 2 3",
    ] {
        assert_eq!(parse_stat(7, text.as_bytes(), ""), None, "{text}");
    }
}

#[test]
fn brackets_in_odd_places_are_no_task() {
    for text in [
        ") (\0",
        "(a) S",
        " (a) S",
        "1 (a)   ",
        "1 (a)",
        "\u{e9}(a) S 1",
        "1\u{e9} (a) S",
        "1 )a( S",
        "1 () ",
    ] {
        assert_eq!(parse_stat(1, text.as_bytes(), ""), None, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text: Vec<u8>, name in "[() a-zSD0-9]{0,20}", cut in 0usize..200) {
        parse_stat(7, &text, "");
        let whole = line(&name, 'S');
        parse_stat(7, &whole.as_bytes()[..cut.min(whole.len())], "");
    }
}

#[test]
fn groups_are_found_in_either_hierarchy_and_never_outside() {
    let root = std::env::temp_dir().join(format!("thinguard-proc-{}", std::process::id()));
    let group = root.join("sys/fs/cgroup/systemd/system.slice/docker.service");
    fs::create_dir_all(&group).unwrap();
    fs::write(group.join("cgroup.procs"), "12\n345\n").unwrap();
    fs::write(root.join("sys/cgroup.procs"), "1\n").unwrap();
    assert_eq!(
        processes_of_group(&root, "/system.slice/docker.service"),
        Some(vec![12, 345])
    );
    for bad in ["", "/system.slice/other.service", "/../..", "/../../../sys"] {
        assert_eq!(processes_of_group(&root, bad), None, "{bad}");
    }
    fs::remove_dir_all(&root).unwrap();
}

#[test]
fn our_own_tasks_are_seen() {
    let tasks = tasks_of(Path::new("/"), std::process::id()).unwrap();
    assert!(tasks.iter().any(|task| task.tid == std::process::id()));
    assert_eq!(tasks_of(Path::new("/"), u32::MAX).unwrap(), Vec::new());
}

#[test]
fn stacks_of_old_and_new_kernels() {
    let old = "[<ffffffffa02d3f2e>] xfs_ail_push_all_sync+0xbe/0x110 [xfs]\n[<ffffffffa02c1a5b>] xfs_unmountfs+0x6b/0x160 [xfs]\n\
               [<ffffffff811e0d1c>] deactivate_super+0x5c/0x60\n[<ffffffffffffffff>] 0xffffffffffffffff\n";
    let new = "[<0>] xfs_ail_push_all_sync+0xa2/0xe0 [xfs]\n[<0>] xfs_unmountfs+0x4c/0x1a0 [xfs]\n[<0>] deactivate_super+0x1/0x2\n";
    for text in [old, new] {
        assert_eq!(
            parse_stack(text),
            ["xfs_ail_push_all_sync [xfs]", "xfs_unmountfs [xfs]", "deactivate_super"]
        );
    }
    for nothing in ["", "\n", "]", "[<0>] ", "[<0>] name", "+0x1/0x2"] {
        assert_eq!(parse_stack(nothing), Vec::<String>::new(), "{nothing}");
    }
    let deep = "[<0>] very_deep+0x1/0x2\n".repeat(100);
    assert_eq!(parse_stack(&deep).len(), MOST_FRAMES);
}

#[test]
fn kernel_threads_are_told_from_programs() {
    let of = |ppid: u32| line("loop0", 'D').replacen(" 1 77 77", &format!(" {ppid} 77 77"), 1);
    assert!(parse_kernel_thread(77, of(2).as_bytes()).is_some());
    assert!(parse_kernel_thread(77, of(1).as_bytes()).is_none());
}

#[test]
fn groups_are_walked_and_picked_by_their_path() {
    let root = std::env::temp_dir().join(format!("thinguard-groups-{}", std::process::id()));
    let top = root.join("sys/fs/cgroup/systemd");
    for (group, processes) in [("", "1\n"), ("docker/aa", "7\n8\n"), ("system.slice/x.service", "9\n")] {
        fs::create_dir_all(top.join(group)).unwrap();
        fs::write(top.join(group).join("cgroup.procs"), processes).unwrap();
    }
    let found = processes_of_groups(&root, |path| path.starts_with("docker/").then_some('c'));
    assert_eq!(found, [('c', 7), ('c', 8)]);
    assert_eq!(processes_of_groups(Path::new("/nonexistent"), |_| Some(1)), []);
    fs::remove_dir_all(&root).unwrap();
}

#[test]
fn a_process_that_ends_runs_no_more() {
    let root = crate::kernel::test_dir::TestDir::new();
    std::fs::create_dir_all(root.path().join("proc/77")).unwrap();
    let written = |text: &str| std::fs::write(root.path().join("proc/77/stat"), text).unwrap();
    for (text, runs) in [
        (line("dockerd", 'S'), true),
        (line("dockerd", 'D'), true),
        (line("dockerd", 'T'), true),
        (line("dockerd", 'Z'), false),
        (line("dockerd", 'X'), false),
        // As above, with PF_EXITING.
        (line("dockerd", 'R').replace(" 4194560 ", " 4194564 "), false),
        (String::new(), false),
    ] {
        written(&text);
        assert_eq!(runs, super::runs(root.path(), 77), "{text}");
    }
    assert!(!super::runs(root.path(), 0) && !super::runs(root.path(), 78));
}
