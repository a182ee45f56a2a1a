//! The thin target's status and table texts: one volume on a pool (kernel: Documentation/admin-guide/device-mapper/
//! thin-provisioning.rst, `thin_status` and `thin_ctr` of drivers/md/dm-thin.c).

use super::number;
use crate::model::Bytes;

/// The target's type, as its table and status lines name it.
pub const KIND: &str = "thin";

/// The pool that a volume is on, `254:0`, from the text after the word `thin` of its table line. A kernel always tells numbers.
pub fn pool_of(params: &str) -> Option<(u32, u32)> {
    let (major, minor) = params.split_whitespace().next()?.split_once(':')?;
    let number = |text: &str| u32::try_from(number(text)?).ok();
    Some((number(major)?, number(minor)?))
}

/// What is mapped of a volume, blocks that it shares with others included, from the text after the word `thin` of its status
/// line: `<sectors mapped> <highest sector mapped>|-`. `None` where the kernel tells `Fail`, `Error`, `-` or nothing.
pub fn mapped(params: &str) -> Option<Bytes> {
    let sectors = params.split_whitespace().next().filter(|word| !word.is_empty())?;
    number(sectors)?.checked_mul(Bytes::SECTOR).map(Bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_as_kernels_tell_of_them() {
        for (table, wanted) in [
            ("254:0 12", Some((254, 0))),
            ("253:17 4 7:3 ", Some((253, 17))),
            ("/dev/mapper/pool 4", None),
            ("254: 4", None),
            ("254:+1 4", None),
            ("4294967296:1 4", None),
            ("", None),
        ] {
            assert_eq!(pool_of(table), wanted, "{table}");
        }
        for (status, wanted) in [
            ("2048 8191", Some(Bytes(1 << 20))),
            ("0 -", Some(Bytes(0))),
            ("Fail", None),
            ("Error", None),
            ("-", None),
            ("-1 5", None),
            ("36028797018963968 5", None),
            ("99999999999999999999 5", None),
            ("", None),
        ] {
            assert_eq!(mapped(status), wanted, "{status}");
        }
    }
}
