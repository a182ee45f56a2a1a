//! Tests of `text`: Exec lines by version, and hostile text.

use super::*;
use proptest::prelude::*;

/// A line's text, the version, and its commands as `path | words` with the flags `-` and `:`, or `None` where systemd takes
/// nothing (`config_parse_exec` at v219, v229, v231, v235, v239, v242, v254).
#[test]
fn texts_of_lines() {
    for (text, version, expected) in [
        ("/bin/d -s x", 219, Some(&["/bin/d | /bin/d,-s,x"][..])),
        ("  /bin/d   'a b'  \"c\" ", 219, Some(&["/bin/d | /bin/d,a b,c"])),
        ("-/bin/d", 219, Some(&["- /bin/d | /bin/d"])),
        ("@/bin/d docker -s", 219, Some(&["/bin/d | docker,-s"])),
        ("@-/bin/d docker", 219, Some(&["- /bin/d | docker"])),
        ("-@/bin/d docker", 252, Some(&["- /bin/d | docker"])),
        ("@/bin/d", 219, None),
        ("--/bin/d", 252, None),
        ("+/bin/d", 230, None),
        ("+/bin/d", 231, Some(&["/bin/d | /bin/d"])),
        ("!/bin/d", 234, None),
        ("!!/bin/d", 235, Some(&["/bin/d | /bin/d"])),
        ("!!!/bin/d", 252, None),
        ("+!/bin/d", 252, None),
        (":/bin/d $X", 241, None),
        (":/bin/d $X", 242, Some(&[": /bin/d | /bin/d,$X"])),
        ("dockerd -D", 238, None),
        ("dockerd -D", 239, Some(&["dockerd | dockerd,-D"])),
        ("./dockerd", 252, None),
        ("/bin/", 252, None),
        ("/bin/d\\x01", 252, None),
        ("-", 252, None),
        ("", 252, Some(&[])),
        (
            "/bin/a b ; /bin/c d",
            219,
            Some(&["/bin/a | /bin/a,b", "/bin/c | /bin/c,d"]),
        ),
        (
            "/bin/a b ; /bin/c d",
            252,
            Some(&["/bin/a | /bin/a,b", "/bin/c | /bin/c,d"]),
        ),
        (
            "/bin/a ; ; /bin/c ;",
            252,
            Some(&["/bin/a | /bin/a", "/bin/c | /bin/c"]),
        ),
        ("/bin/a \\; \";\" b;", 252, Some(&["/bin/a | /bin/a,;,;,b;"])),
        ("/bin/a \\; b;", 219, Some(&["/bin/a | /bin/a,;,b;"])),
        ("/bin/d --x=\"a b\"", 219, Some(&["/bin/d | /bin/d,--x=\"a,b\""])),
        ("/bin/d --x=\"a b\"", 252, Some(&["/bin/d | /bin/d,--x=a b"])),
        ("/bin/d \"a\"b", 219, None),
        ("/bin/d \"a", 219, None),
        ("/bin/d \"a", 252, None),
        ("/bin/%p -s %%x 10%", 219, Some(&["/bin/docker | /bin/docker,-s,%x,10"])),
        (
            "/bin/%p -s %%x 10%",
            252,
            Some(&["/bin/docker | /bin/docker,-s,%x,10%"]),
        ),
        ("/bin/d %H", 252, None),
        ("/bin/d \\xff", 252, None),
    ] {
        let found = parse_line(text, "docker.service", version).map(|lines| {
            let shown = lines.iter().map(|line| {
                let flags =
                    [(line.may_fail, "- "), (line.literal, ": ")].map(|(set, flag)| if set { flag } else { "" });
                format!("{}{} | {}", flags.concat(), line.path, line.argv.join(","))
            });
            shown.collect::<Vec<_>>()
        });
        assert_eq!(
            found.ok(),
            expected.map(|lines| lines.iter().map(|line| (*line).to_owned()).collect()),
            "{text} by {version}"
        );
    }
}

proptest! {
    #[test]
    fn never_panics(text in ".{0,40}", line in "[a-zX%; '\"\\\\$\\{\\}|&<>#\n2()`ü]{0,40}", version in 200u16..260) {
        for line in [&text, &line, &format!("@-:+!/{line}"), &format!("/{text}")] {
            let _ = parse_line(line, "docker.service", version);
        }
    }

    #[test]
    fn quoted_words_round_trip(list in proptest::collection::vec("[^\0'\\\\$%]{1,10}", 1..5), version in 219u16..257) {
        // Up to 220 a quoted `;` separates commands too.
        prop_assume!(!list.iter().any(|word| word == ";"));
        let text: Vec<String> = list.iter().map(|word| format!("'{word}'")).collect();
        let line = parse_line(&format!("/x {}", text.join(" ")), "docker.service", version);
        prop_assert_eq!(line.map(|lines| lines[0].argv[1..].to_vec()), Ok(list));
    }
}
