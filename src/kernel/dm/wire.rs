//! The bytes of the device-mapper ioctls: requests built and replies parsed, far from the kernel (linux/dm-ioctl.h).

use super::{Error, Info, Listed, TargetLine};
use std::mem::{offset_of, size_of};

pub(super) const DEV_READONLY: u32 = 1 << 0;
pub(super) const SUSPEND: u32 = 1 << 1;
pub(super) const STATUS_TABLE: u32 = 1 << 4;
pub(super) const ACTIVE_PRESENT: u32 = 1 << 5;
pub(super) const INACTIVE_PRESENT: u32 = 1 << 6;
pub(super) const BUFFER_FULL: u32 = 1 << 8;
pub(super) const NOFLUSH: u32 = 1 << 11;

const NAME_LEN: usize = 128;
const KIND_LEN: usize = 16;

/// The lowest version of the interface; a kernel takes any request whose minor number is not above its own
/// (`check_version`, drivers/md/dm-ioctl.c), so that EL7's 3.10 and the newest both accept it.
const VERSION: [u32; 3] = [4, 0, 0];

/// `struct dm_ioctl`: never built, it only names the places of its fields.
#[repr(C)]
#[allow(dead_code)]
pub(super) struct DmIoctl {
    version: [u32; 3],
    data_size: u32,
    data_start: u32,
    target_count: u32,
    open_count: i32,
    flags: u32,
    event_nr: u32,
    padding: u32,
    dev: u64,
    name: [u8; NAME_LEN],
    uuid: [u8; 129],
    data: [u8; 7],
}

/// `struct dm_target_spec`; the parameter text follows it.
#[repr(C)]
#[allow(dead_code)]
struct TargetSpec {
    sector_start: u64,
    length: u64,
    status: i32,
    next: u32,
    kind: [u8; KIND_LEN],
}

/// `struct dm_name_list`; the name follows `next` without a gap, before the struct's own padding.
#[repr(C)]
#[allow(dead_code)]
struct NameList {
    dev: u64,
    next: u32,
    name: [u8; 0],
}

pub(super) const HEADER: usize = size_of::<DmIoctl>();
const SPEC: usize = size_of::<TargetSpec>();
const NAME_AT: usize = offset_of!(NameList, name);
const _: () = assert!(HEADER == 312 && SPEC == 40 && NAME_AT == 12);

/// A request as the kernel wants it, zero-filled up to `capacity` bytes (more if `payload` needs it) to leave room for the reply.
pub(super) fn request(
    name: &str,
    flags: u32,
    event_nr: u32,
    targets: &[TargetLine],
    capacity: usize,
) -> Result<Vec<u8>, Error> {
    // One byte less than the field: the kernel ends the name with a NUL of its own, and would then look up another device.
    if name.len() >= NAME_LEN || name.as_bytes().contains(&0) {
        return Err(Error::BadName(name.to_owned()));
    }
    let mut buffer = vec![0; HEADER];
    for target in targets {
        push_target(&mut buffer, target)?;
    }
    if buffer.len() < capacity {
        buffer.resize(capacity, 0);
    }
    let size = u32::try_from(buffer.len()).map_err(|_| Error::BadTable("it is larger than 4 GiB".into()))?;
    for (number, at) in VERSION.into_iter().zip([0, 4, 8]) {
        put(&mut buffer, at, &number.to_ne_bytes());
    }
    put(&mut buffer, offset_of!(DmIoctl, data_size), &size.to_ne_bytes());
    put(
        &mut buffer,
        offset_of!(DmIoctl, data_start),
        &(HEADER as u32).to_ne_bytes(),
    );
    put(
        &mut buffer,
        offset_of!(DmIoctl, target_count),
        &(targets.len() as u32).to_ne_bytes(),
    );
    put(&mut buffer, offset_of!(DmIoctl, flags), &flags.to_ne_bytes());
    put(&mut buffer, offset_of!(DmIoctl, event_nr), &event_nr.to_ne_bytes());
    put(&mut buffer, offset_of!(DmIoctl, name), name.as_bytes());
    Ok(buffer)
}

/// A request with a `struct dm_target_msg`: the sector that the message is for, always 0 here, and its text.
pub(super) fn message(name: &str, text: &str) -> Result<Vec<u8>, Error> {
    if text.as_bytes().contains(&0) {
        return Err(Error::BadTable("the message holds a NUL byte".into()));
    }
    let at = HEADER + size_of::<u64>();
    let mut buffer = request(name, 0, 0, &[], (at + text.len() + 1).next_multiple_of(8))?;
    put(&mut buffer, at, text.as_bytes());
    Ok(buffer)
}

/// Appends one `dm_target_spec` and its text. When loading, `next` counts from this spec (when reading, from the first).
fn push_target(buffer: &mut Vec<u8>, target: &TargetLine) -> Result<(), Error> {
    if target.kind.is_empty() || target.kind.len() >= KIND_LEN || target.kind.as_bytes().contains(&0) {
        return Err(Error::BadTable(format!(
            "'{}' is no target type",
            target.kind.escape_default()
        )));
    }
    if target.params.as_bytes().contains(&0) {
        return Err(Error::BadTable("its parameters hold a NUL byte".into()));
    }
    let start = buffer.len();
    let length = (SPEC + target.params.len() + 1).next_multiple_of(8);
    let next = u32::try_from(length).map_err(|_| Error::BadTable("its parameters are larger than 4 GiB".into()))?;
    buffer.resize(start + length, 0);
    put(
        buffer,
        start + offset_of!(TargetSpec, sector_start),
        &target.start.to_ne_bytes(),
    );
    put(
        buffer,
        start + offset_of!(TargetSpec, length),
        &target.length.to_ne_bytes(),
    );
    put(buffer, start + offset_of!(TargetSpec, next), &next.to_ne_bytes());
    put(buffer, start + offset_of!(TargetSpec, kind), target.kind.as_bytes());
    put(buffer, start + SPEC, target.params.as_bytes());
    Ok(())
}

/// Writes `bytes` at `at`; every caller has made the room.
fn put(buffer: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = buffer.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

/// The kernel's answer: bytes that are checked before each use, since a parser as root trusts nobody.
pub(super) struct Reply<'a>(pub(super) &'a [u8]);

impl<'a> Reply<'a> {
    pub(super) fn is_full(&self) -> bool {
        u32_at(self.0, offset_of!(DmIoctl, flags)).is_some_and(|flags| flags & BUFFER_FULL != 0)
    }

    pub(super) fn version(&self) -> Result<(u32, u32, u32), Error> {
        match (u32_at(self.0, 0), u32_at(self.0, 4), u32_at(self.0, 8)) {
            (Some(major), Some(minor), Some(patch)) => Ok((major, minor, patch)),
            _ => Err(Error::BadReply("it is shorter than its header")),
        }
    }

    pub(super) fn info(&self) -> Result<Info, Error> {
        let short = || Error::BadReply("it is shorter than its header");
        let header = self.0.get(..HEADER).ok_or_else(short)?;
        let flags = u32_at(header, offset_of!(DmIoctl, flags)).ok_or_else(short)?;
        let (major, minor) = device_number(u64_at(header, offset_of!(DmIoctl, dev)).ok_or_else(short)?);
        let text = |from: usize, to: usize| {
            header
                .get(from..to)
                .and_then(text_until_nul)
                .ok_or(Error::BadReply("a text in its header has no end"))
        };
        Ok(Info {
            name: text(offset_of!(DmIoctl, name), offset_of!(DmIoctl, uuid))?,
            uuid: text(offset_of!(DmIoctl, uuid), offset_of!(DmIoctl, data))?,
            major,
            minor,
            suspended: flags & SUSPEND != 0,
            event_nr: u32_at(header, offset_of!(DmIoctl, event_nr)).ok_or_else(short)?,
            // The field is signed, but a device is never open fewer than 0 times.
            open_count: u32_at(header, offset_of!(DmIoctl, open_count))
                .ok_or_else(short)?
                .min(i32::MAX as u32),
            read_only: flags & DEV_READONLY != 0,
            has_live_table: flags & ACTIVE_PRESENT != 0,
            has_inactive_table: flags & INACTIVE_PRESENT != 0,
        })
    }

    /// What follows the header, from `data_start` to `data_size`.
    fn data(&self) -> Result<&'a [u8], Error> {
        let start =
            u32_at(self.0, offset_of!(DmIoctl, data_start)).ok_or(Error::BadReply("it is shorter than its header"))?;
        let end =
            u32_at(self.0, offset_of!(DmIoctl, data_size)).ok_or(Error::BadReply("it is shorter than its header"))?;
        // A reply without data counts only its header, whose last 7 bytes (`data`) kernels from 3.9 on leave out.
        if end <= HEADER as u32 {
            return Ok(&[]);
        }
        if (start as usize) < HEADER {
            return Err(Error::BadReply("its data lie within its header"));
        }
        self.0
            .get(start as usize..end as usize)
            .ok_or(Error::BadReply("its data lie outside of it"))
    }

    /// The target lines of a `DM_TABLE_STATUS` reply.
    pub(super) fn targets(&self) -> Result<Vec<TargetLine>, Error> {
        let data = self.data()?;
        let count = match data {
            [] => 0,
            _ => u32_at(self.0, offset_of!(DmIoctl, target_count)).unwrap_or(0),
        };
        let mut lines = Vec::new();
        let mut at = 0;
        for index in 0..count {
            let spec = data
                .get(at..)
                .filter(|rest| rest.len() >= SPEC)
                .ok_or(Error::BadReply("a target lies outside of it"))?;
            let field = |place: usize| u64_at(spec, place).ok_or(Error::BadReply("a target is cut short"));
            let kind = spec.get(offset_of!(TargetSpec, kind)..SPEC).and_then(text_until_nul);
            let params = spec.get(SPEC..).and_then(text_until_nul);
            let (Some(kind), Some(params)) = (kind, params) else {
                return Err(Error::BadReply("a target's text has no end"));
            };
            lines.push(TargetLine {
                start: field(offset_of!(TargetSpec, sector_start))?,
                length: field(offset_of!(TargetSpec, length))?,
                kind,
                params,
            });
            let next = u32_at(spec, offset_of!(TargetSpec, next)).unwrap_or(0) as usize;
            // `next` counts from the first target; only ever forwards, so the loop ends whatever the bytes say.
            if index + 1 < count && next < at + SPEC {
                return Err(Error::BadReply("its targets overlap"));
            }
            at = next;
        }
        Ok(lines)
    }

    /// The devices of a `DM_LIST_DEVICES` reply.
    pub(super) fn names(&self) -> Result<Vec<Listed>, Error> {
        let mut rest = self.data()?;
        let mut found = Vec::new();
        // With no device at all the kernel sends nothing, or one record with device number 0.
        if rest.is_empty() || u64_at(rest, offset_of!(NameList, dev)) == Some(0) {
            return Ok(found);
        }
        loop {
            let dev = u64_at(rest, offset_of!(NameList, dev));
            let next = u32_at(rest, offset_of!(NameList, next));
            let name = rest.get(NAME_AT..).and_then(text_until_nul);
            let (Some(dev), Some(next), Some(name)) = (dev, next, name) else {
                return Err(Error::BadReply("a name in its list has no end"));
            };
            let (major, minor) = device_number(dev);
            found.push(Listed { name, major, minor });
            // Here `next` counts from this record; 0 ends the list.
            match next as usize {
                0 => return Ok(found),
                step if step <= NAME_AT => return Err(Error::BadReply("the names in its list overlap")),
                step => rest = rest.get(step..).ok_or(Error::BadReply("a name lies outside of it"))?,
            }
        }
    }
}

/// Splits the kernel's `huge_encode_dev` number into major and minor (linux/kdev_t.h).
fn device_number(dev: u64) -> (u32, u32) {
    (
        ((dev >> 8) & 0xfff) as u32,
        ((dev & 0xff) | ((dev >> 12) & 0xfff00)) as u32,
    )
}

fn text_until_nul(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    Some(String::from_utf8_lossy(&bytes[..end]).into_owned())
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}
