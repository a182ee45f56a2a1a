//! What goes through the door to the kernel: which flags, and how much room. A recorder stands in for the kernel.

use super::*;

thread_local! {
    /// What went through the door: command, flags, room offered.
    static SENT: std::cell::RefCell<Vec<(Command, u32, usize)>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// A kernel that answers with a header only, and says that the room was too small until it is `ROOM`.
fn door<const ROOM: usize>(_: RawFd, command: Command, buffer: &mut [u8]) -> Result<(), Errno> {
    SENT.with_borrow_mut(|sent| sent.push((command, get(buffer, FLAGS), buffer.len())));
    let full = command.answers_with_data() && buffer.len() < ROOM;
    set(buffer, FLAGS, if full { wire::BUFFER_FULL } else { 0 });
    set(buffer, DATA_SIZE, 305);
    Ok(())
}

fn sent<T>(door: Door, call: impl FnOnce(&Control) -> T) -> (T, Vec<(Command, u32, usize)>) {
    let control = Control {
        door,
        ..Control::open(Path::new("/dev/null")).unwrap()
    };
    SENT.take();
    (call(&control), SENT.take())
}

#[test]
fn nothing_that_looks_or_resumes_flushes() {
    // Law 8, and law 4: DM_NOFLUSH_FLAG is bit 11, DM_STATUS_TABLE_FLAG bit 4, DM_SUSPEND_FLAG bit 1.
    let (_, status) = sent(door::<0>, |control| control.status("p"));
    assert_eq!(status, [(Command::Status, 1 << 11, 16384)]);
    let (_, table) = sent(door::<0>, |control| control.table("p"));
    assert_eq!(table, [(Command::Status, (1 << 11) | (1 << 4), 16384)]);
    let (_, wait) = sent(door::<0>, |control| control.wait("p", 3));
    assert_eq!(wait, [(Command::Wait, 1 << 11, 16384)]);
    let (_, resume) = sent(door::<0>, |control| control.resume("p"));
    assert_eq!(resume, [(Command::Resume, 1 << 11, 312)]);
    let (_, others) = sent(door::<0>, |control| {
        let _ = (
            control.info("p"),
            control.clear("p"),
            control.version(),
            control.load("p", &[pool_line(8)]),
        );
    });
    assert!(others.iter().all(|(_, flags, _)| *flags == 0), "{others:?}");
}

#[test]
fn room_is_doubled_until_it_is_enough_or_too_much() {
    let (result, calls) = sent(door::<65536>, |control| control.list());
    assert_eq!(result, Ok(vec![]));
    assert_eq!(
        calls.iter().map(|call| call.2).collect::<Vec<_>>(),
        [16384, 32768, 65536]
    );
    let (result, calls) = sent(door::<{ usize::MAX }>, |control| control.list());
    assert_eq!(result, Err(Error::TooLarge));
    assert_eq!(calls.last().map(|call| call.2), Some(1 << 20));
}
