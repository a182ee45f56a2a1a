//! Taking D-Bus values apart, whatever their types have become: what does not fit is not there.

use rustbus::params::{Base, Container, Param};

/// A value as D-Bus brings it, owned.
pub(super) type Value = Param<'static, 'static>;

/// A string or an object's path.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Param::Base(Base::String(text) | Base::ObjectPath(text)) => Some(text.clone()),
        _ => None,
    }
}

/// Any whole number: widths have changed between versions of systemd.
pub(super) fn number(value: &Value) -> Option<u64> {
    match value {
        Param::Base(Base::Uint64(number)) => Some(*number),
        Param::Base(Base::Uint32(number)) => Some(u64::from(*number)),
        Param::Base(Base::Int64(number)) => u64::try_from(*number).ok(),
        Param::Base(Base::Int32(number)) => u64::try_from(*number).ok(),
        _ => None,
    }
}

pub(super) fn truth(value: &Value) -> Option<bool> {
    match value {
        Param::Base(Base::Boolean(truth)) => Some(*truth),
        _ => None,
    }
}

pub(super) fn fields(value: &Value) -> Option<&[Value]> {
    match value {
        Param::Container(Container::Struct(fields)) => Some(fields),
        Param::Container(Container::Array(array)) => Some(&array.values),
        _ => None,
    }
}

pub(super) fn texts(value: &Value) -> Vec<String> {
    fields(value).unwrap_or_default().iter().filter_map(text).collect()
}

/// The words of each command of `a(sasbttttuii)`, the program's path first, whatever name stands behind `@`; only the first two
/// members are looked at, the rest may change.
pub(super) fn commands(value: &Value) -> Vec<Vec<String>> {
    let commands = fields(value).unwrap_or_default().iter();
    commands
        .filter_map(|command| match fields(command)? {
            [path, words, ..] => Some((text(path), texts(words))),
            _ => None,
        })
        .filter(|(_, words)| !words.is_empty())
        .map(|(path, mut words)| {
            if let (Some(path), Some(first)) = (path.filter(|path| !path.is_empty()), words.first_mut()) {
                *first = path;
            }
            words
        })
        .collect()
}

/// Paths of `a(sb)`.
pub(super) fn environment_files(value: &Value) -> Vec<(String, bool)> {
    let files = fields(value).unwrap_or_default().iter();
    files
        .filter_map(|file| match fields(file)? {
            [path, optional, ..] => Some((text(path)?, matches!(optional, Param::Base(Base::Boolean(true))))),
            _ => None,
        })
        .collect()
}
