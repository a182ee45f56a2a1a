//! `thinguard status --watch` on a terminal of its own (script(1)): one screen over the other, until Ctrl-C.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Begins each screen.
const HOME: &str = "\u{1b}[H";
/// Ends each screen.
const REST_OF_SCREEN: &str = "\u{1b}[J";
/// What Ctrl-C sends.
const CTRL_C: u8 = 3;
/// A busy computer may take its time for two looks.
const PATIENCE: Duration = Duration::from_secs(60);

/// A command on a terminal of 80 columns and 12 lines.
struct OnTerminal {
    child: Child,
    keyboard: ChildStdin,
    shown: Receiver<Vec<u8>>,
}

impl OnTerminal {
    fn run(command: &str) -> OnTerminal {
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command"])
            .arg(format!("stty cols 80 rows 12; exec {command}"))
            .arg("/dev/null")
            .env("SHELL", "/bin/sh")
            .env("TERM", "xterm")
            .env_remove("COLUMNS")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script(1), of util-linux, gives the terminal");
        let keyboard = child.stdin.take().unwrap();
        let mut screen = child.stdout.take().unwrap();
        let (tell, shown) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = screen.read(&mut bytes) {
                let _ = tell.send(bytes[..length].to_vec());
            }
        });
        OnTerminal { child, keyboard, shown }
    }

    /// All that is shown until `enough` is content.
    fn show(&self, enough: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if enough(&text) {
                return text;
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.shown.recv_timeout(left) {
                Ok(more) => bytes.extend(more),
                Err(why) => panic!("{why} after {text:?}"),
            }
        }
    }

    fn exit_code(mut self) -> Option<i32> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        panic!("it goes on after Ctrl-C");
    }
}

#[test]
fn one_screen_over_the_other_until_ctrl_c() {
    let program = env!("CARGO_BIN_EXE_thinguard");
    let once = Command::new(program).arg("status").output().unwrap();
    let mut watched = OnTerminal::run(&format!("{program} status --watch 1"));
    let shown = watched.show(|text| text.matches(REST_OF_SCREEN).count() >= 2);
    let screens: Vec<&str> = shown.split(HOME).skip(1).collect();
    assert!(screens.len() >= 2, "{shown:?}");
    for screen in &screens[..2] {
        assert!(screen.starts_with("thinguard "), "{screen:?}");
        assert!(screen.matches('\n').count() < 12, "it scrolls: {screen:?}");
    }
    watched.keyboard.write_all(&[CTRL_C]).unwrap();
    assert_eq!(
        watched.exit_code(),
        once.status.code(),
        "not the state that was shown last"
    );
}
