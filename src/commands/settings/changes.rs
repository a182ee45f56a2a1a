//! What differs between two readings of the settings, in words.

use super::Kept;

/// One line for each key that has changed, with what it was; values stand as in the files.
pub fn changes(old: &Kept, new: &Kept) -> Vec<String> {
    let value = |keys: &Kept, table: &str, key: &str| Some(keys.get(table)?.get(key)?.value.clone());
    let mut names: Vec<(&String, &String)> = [old, new]
        .into_iter()
        .flatten()
        .flat_map(|(table, keys)| keys.keys().map(move |key| (table, key)))
        .collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter_map(|(table, key)| match (value(old, table, key), value(new, table, key)) {
            (was, is) if was == is => None,
            (Some(was), Some(is)) => Some(format!("{table}.{key} = {is} (was {was})")),
            (None, Some(is)) => Some(format!("{table}.{key} = {is} (was not set)")),
            (Some(was), None) => Some(format!("{table}.{key} is at its default again (was {was})")),
            (None, None) => None,
        })
        .collect()
}
