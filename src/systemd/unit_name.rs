//! Names of units, and the specifiers (`%n`) that stand for them in a unit's settings. Pure.

/// Replaces the specifiers in a word of the unit `unit` as systemd `version` does (systemd.unit(5), "Specifiers"; `specifier_printf`
/// in `shared/specifier.c`, the table in `core/unit-printf.c`): `%%` is `%`. A `%` at the end goes up to 234 and stays since 235; one
/// before no letter or digit stays, and in 219 one before an unknown letter too. Up to 232 systemd replaces when it starts the program, so D-Bus shows the words as they were.
///
/// # Errors
/// A specifier whose value is not known here, such as `%H`, the host's name.
pub fn specifiers(word: &str, unit: &str, version: u16) -> Result<String, String> {
    let mut text = String::new();
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some('%') => text.push('%'),
            Some(letter) if version == 219 && !KNOWN_TO_219.contains(letter) => text.extend(['%', letter]),
            Some(letter) if letter.is_ascii_alphanumeric() => {
                let value = value(letter, unit);
                text.push_str(&value.ok_or_else(|| format!("the value of %{letter} is not known"))?);
            }
            Some(other) => text.extend(['%', other]),
            None if version >= 235 => text.push('%'),
            None => {}
        }
    }
    Ok(text)
}

/// The specifiers of systemd 219 (`unit_full_printf` in `core/unit-printf.c`).
const KNOWN_TO_219: &str = "nNpPiIfcrRtUuhsmHbv";

/// The value of a specifier that the unit's name tells.
fn value(letter: char, unit: &str) -> Option<String> {
    let (name, _) = unit.rsplit_once('.')?;
    let (prefix, instance) = name.split_once('@').unwrap_or((name, ""));
    Some(match letter {
        'n' => unit.to_owned(),
        'N' => name.to_owned(),
        'p' => prefix.to_owned(),
        'i' => instance.to_owned(),
        'P' => unescape(prefix)?,
        'I' => unescape(instance)?,
        't' => "/run".to_owned(),
        _ => return None,
    })
}

/// `-` stands for `/` (`unit_name_unescape` in `basic/unit-name.c`); names with `\x2d` and the like are not undone here.
fn unescape(name: &str) -> Option<String> {
    (!name.contains('\\')).then(|| name.replace('-', "/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn of_dockers_units() {
        for (word, expected) in [
            ("%n %N %p %i.", Some("docker-a@b-c.service docker-a@b-c docker-a b-c.")),
            ("%P %I", Some("docker/a b/c")),
            ("%t/x", Some("/run/x")),
            ("dm.min_free_space=10%%", Some("dm.min_free_space=10%")),
            ("10%, 20%-", Some("10%, 20%-")),
            ("%%n", Some("%n")),
            ("%H", None),
            ("", Some("")),
        ] {
            for version in [219, 252] {
                assert_eq!(
                    specifiers(word, "docker-a@b-c.service", version).ok().as_deref(),
                    expected,
                    "{word}"
                );
            }
        }
        assert_eq!(specifiers("a%z", "docker.service", 219).as_deref(), Ok("a%z"));
        assert!(specifiers("a%z", "docker.service", 252).is_err());
        assert_eq!(specifiers("10%", "docker.service", 234).as_deref(), Ok("10"));
        assert_eq!(specifiers("10%", "docker.service", 235).as_deref(), Ok("10%"));
    }

    proptest! {
        #[test]
        fn never_panics(word in "[%nNpPiIx ü]{0,20}", unit in ".{0,20}", version in 200u16..260) {
            let _ = specifiers(&word, &unit, version);
        }
    }
}
